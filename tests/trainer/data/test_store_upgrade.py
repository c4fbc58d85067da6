"""A store of an earlier version goes on as one of today's."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from trainer.data.store import FILE, Store
from trainer.data.store.packing import pack
from trainer.errors import StoreError

MASK = np.eye(9, dtype=np.uint8)

VERSION_1 = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE masks (
    digest VARCHAR(32) NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL,
    runs BLOB NOT NULL, PRIMARY KEY (digest)
);
CREATE TABLE revisions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, case_id VARCHAR NOT NULL, parent_id INTEGER,
    digest VARCHAR(32) NOT NULL, author VARCHAR NOT NULL, created VARCHAR NOT NULL,
    tool VARCHAR NOT NULL, status VARCHAR NOT NULL, note VARCHAR NOT NULL,
    UNIQUE (parent_id), FOREIGN KEY(parent_id) REFERENCES revisions (id),
    FOREIGN KEY(digest) REFERENCES masks (digest)
);
CREATE INDEX ix_revisions_case_id ON revisions (case_id);
INSERT INTO schema_version VALUES (1);
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A cohort's folder with a store of version 1 that holds one revision."""
    digest, runs = pack(MASK)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.executescript(VERSION_1)
        connection.execute("INSERT INTO masks VALUES (?, 9, 9, ?)", (digest, runs))
        connection.execute(
            "INSERT INTO revisions VALUES (1, '17', NULL, ?, 'ada', '2026-01-02T03:04:05+00:00',"
            " 'paint', 'accepted', 'fine')",
            (digest,),
        )
    connection.close()
    return tmp_path


def version(folder: Path) -> int:
    with sqlite3.connect(folder / FILE) as connection:
        (number,) = connection.execute("SELECT version FROM schema_version").fetchone()
    connection.close()
    return number


def test_an_old_store_keeps_its_revisions_and_takes_what_is_new(old: Path):
    store = Store.for_cohort(old)
    (kept,) = store.history("17")
    assert (kept.author, kept.status, kept.created.year) == ("ada", "accepted", 2026)
    assert np.array_equal(store.mask(kept), MASK)

    store.tags.add("17", "stain")
    store.looks.add(MASK, kept, seconds=3)
    batch = store.batches.begin("{}", "f", 0.05)
    assert store.batches.accept(batch, "18", "lung", MASK, "") is not None
    following = store.add("17", 1 - MASK, tool="paint")
    assert following.parent_id == kept.id
    store.close()
    assert version(old) == 3


def test_an_upgraded_store_is_opened_again_as_it_is(old: Path):
    for _ in range(2):
        store = Store.for_cohort(old)
        store.tags.add("17", "stain")
        store.close()
    store = Store.for_cohort(old)
    assert len(store.tags.all()) == 2
    store.close()


def test_two_programs_that_upgrade_at_once_agree(old: Path):
    problems: list[BaseException] = []

    def open_and_tag() -> None:
        try:
            store = Store.for_cohort(old)
            store.tags.add("17", "other")
            store.close()
        except BaseException as error:  # noqa: BLE001  (told in the main thread)
            problems.append(error)

    threads = [threading.Thread(target=open_and_tag) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    store = Store.for_cohort(old)
    assert len(store.tags.all()) == 4
    store.close()
    assert version(old) == 3


def test_an_upgrade_that_fails_leaves_the_old_store(old: Path):
    with sqlite3.connect(old / FILE) as connection:
        connection.execute("CREATE INDEX ix_looks_case_id ON masks (height)")  # in the way
    connection.close()
    with pytest.raises(StoreError, match=FILE):
        Store.for_cohort(old)
    with sqlite3.connect(old / FILE) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert version(old) == 1
    assert not tables & {"tags", "batches"}
