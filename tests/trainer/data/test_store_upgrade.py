"""A store of an earlier version goes on as one of today's, and a copy of it is kept."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from trainer.data.store import FILE, Store
from trainer.data.store.packing import pack
from trainer.data.store.schema import schema
from trainer.data.store.upgrade import MIGRATIONS
from trainer.errors import StoreError

if TYPE_CHECKING:
    from conftest import Disk

MASK = np.eye(9, dtype=np.uint8)
DRAWN = np.tri(9, dtype=np.uint8)
NOISE = np.random.default_rng(0).integers(0, 2, (150, 150), np.uint8)

# as programs of these versions made them

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

VERSION_2 = f"""{VERSION_1}
UPDATE schema_version SET version = 2;
CREATE TABLE tags (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, case_id VARCHAR NOT NULL,
    cause VARCHAR NOT NULL, note VARCHAR NOT NULL, author VARCHAR NOT NULL,
    created VARCHAR NOT NULL, finding VARCHAR
);
CREATE INDEX ix_tags_case_id ON tags (case_id);
CREATE TABLE tag_withdrawals (
    tag_id INTEGER NOT NULL, author VARCHAR NOT NULL, created VARCHAR NOT NULL,
    PRIMARY KEY (tag_id), FOREIGN KEY(tag_id) REFERENCES tags (id)
);
CREATE TABLE batches (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, rule VARCHAR NOT NULL,
    predictions VARCHAR NOT NULL, tolerance FLOAT NOT NULL, author VARCHAR NOT NULL,
    created VARCHAR NOT NULL
);
CREATE TABLE batch_cases (
    batch_id INTEGER NOT NULL, case_id VARCHAR NOT NULL, organ VARCHAR NOT NULL,
    revision_id INTEGER NOT NULL, PRIMARY KEY (batch_id, case_id),
    FOREIGN KEY(batch_id) REFERENCES batches (id), UNIQUE (revision_id),
    FOREIGN KEY(revision_id) REFERENCES revisions (id)
);
CREATE TABLE batch_samples (
    id INTEGER NOT NULL, batch_id INTEGER NOT NULL, case_id VARCHAR NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(batch_id, case_id) REFERENCES batch_cases (batch_id, case_id),
    UNIQUE (batch_id, case_id)
);
CREATE TABLE batch_verdicts (
    id INTEGER NOT NULL, batch_id INTEGER NOT NULL, case_id VARCHAR NOT NULL,
    "right" BOOLEAN NOT NULL, revision_id INTEGER, author VARCHAR NOT NULL,
    created VARCHAR NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(batch_id, case_id) REFERENCES batch_samples (batch_id, case_id),
    FOREIGN KEY(revision_id) REFERENCES revisions (id)
);
CREATE TABLE batch_endings (
    batch_id INTEGER NOT NULL, organ VARCHAR NOT NULL, ending VARCHAR NOT NULL,
    author VARCHAR NOT NULL, created VARCHAR NOT NULL, PRIMARY KEY (batch_id, organ),
    FOREIGN KEY(batch_id) REFERENCES batches (id)
);
CREATE TABLE looks (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, case_id VARCHAR NOT NULL,
    revision_id INTEGER NOT NULL, digest VARCHAR(32) NOT NULL, author VARCHAR NOT NULL,
    created VARCHAR NOT NULL, seconds FLOAT NOT NULL,
    FOREIGN KEY(revision_id) REFERENCES revisions (id),
    FOREIGN KEY(digest) REFERENCES masks (digest)
);
CREATE INDEX ix_looks_case_id ON looks (case_id);
"""

# id, case, parent, mask, tool, status
REVISIONS = [
    (1, "17", None, MASK, "truth", "needs work"),
    (2, "17", 1, DRAWN, "paint", "unreviewed"),
    (3, "17", 2, DRAWN, "kept", "accepted"),
    (4, "18", None, MASK, "bulk accept", "accepted"),
    (5, "18", 4, MASK, "bulk check", "needs work"),
    (6, "19", None, NOISE, "prediction", "accepted"),
    (7, "17", 3, MASK, "undo", "needs work"),
]
ROWS_2 = """
INSERT INTO tags VALUES (1, '17', 'stain', 'pale', 'ada', '2026-01-02T03:04:05+00:00', NULL);
INSERT INTO tag_withdrawals VALUES (1, 'bo', '2026-01-02T03:04:06+00:00');
INSERT INTO batches VALUES (1, '{}', 'abc', 0.05, 'ada', '2026-01-02T03:04:05+00:00');
INSERT INTO batch_cases VALUES (1, '18', 'lung', 4);
INSERT INTO batch_samples VALUES (1, 1, '18');
INSERT INTO batch_verdicts VALUES (1, 1, '18', 0, 5, 'ada', '2026-01-02T03:04:05+00:00');
INSERT INTO batch_endings VALUES (1, 'lung', 'reopened', 'ada', '2026-01-02T03:04:05+00:00');
"""


def make(file: Path, version: int) -> Path:
    """A store of an earlier version, with revisions and, from 2 on, with all else."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA page_size = 512")  # small enough for a small disk
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(VERSION_1 if version == 1 else VERSION_2)
        for mask in (MASK, DRAWN, NOISE):
            digest, runs = pack(mask)
            row = (digest, *mask.shape, runs)
            connection.execute("INSERT INTO masks VALUES (?, ?, ?, ?)", row)
        for number, case_id, parent, mask, tool, status in REVISIONS:
            row = (number, case_id, parent, pack(mask)[0], f"ada{number}", "fine", tool, status)
            connection.execute(
                "INSERT INTO revisions VALUES"
                " (?, ?, ?, ?, ?, '2026-01-02T03:04:05.000006+00:00', ?7, ?8, ?6)",
                row,
            )
        if version == 2:
            digest = pack(DRAWN)[0]
            connection.executescript(ROWS_2)
            connection.execute(
                "INSERT INTO looks VALUES (1, '17', 3, ?, 'bo', '2026-01-02T03:04:05+00:00', 2.5)",
                (digest,),
            )
    return file


@pytest.fixture(params=[1, 2])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A cohort's folder with an old store."""
    make(tmp_path / FILE, request.param)
    return tmp_path


def asked(file: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(statement).fetchall()


def version(file: Path) -> int:
    ((number,),) = asked(file, "SELECT version FROM schema_version")
    return number


def contents(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of an earlier version's."""
    names = [name for (name,) in asked(file, "SELECT name FROM sqlite_master WHERE type='table'")]
    return {name: asked(file, f"SELECT * FROM {name}") for name in sorted(names)}


def test_an_old_store_keeps_its_revisions_and_takes_what_is_new(old: Path):
    store = Store.for_cohort(old)
    history = [one for case_id in ("17", "18", "19") for one in store.history(case_id)]
    there = {one.id: (one.case_id, one.parent_id, one.tool, one.author) for one in history}
    assert there == {n: (case, up, tool, f"ada{n}") for n, case, up, _, tool, _ in REVISIONS}
    assert {(one.note, one.created.year) for one in history} == {("fine", 2026)}
    for number, _, _, mask, _, _ in REVISIONS:
        assert np.array_equal(store.mask(store.revision(number)), mask)

    store.tags.add("17", "stain")
    store.looks.add(MASK, store.revision(7), seconds=3)
    batch = store.batches.begin("{}", "f", 0.05)
    assert store.batches.accept(batch, "20", "lung", MASK, "") is not None
    following = store.add("17", 1 - MASK, tool="paint", reason="duplicate", status="rejected")
    assert following.parent_id == 7
    store.close()
    assert version(old / FILE) == 3


def test_what_an_old_revision_is_said_to_be(old: Path):
    store = Store.for_cohort(old)
    told = {n: store.revision(n) for n, *_ in REVISIONS}
    store.close()
    assert {n: one.origin for n, one in told.items()} == {
        1: "truth", 2: "redrawn", 3: "redrawn", 4: "raw prediction", 5: "raw prediction",
        6: "raw prediction", 7: "redrawn",
    }  # fmt: skip
    apart = int((MASK != DRAWN).sum())
    assert {n: one.pixels for n, one in told.items()} == {
        1: 9, 2: apart, 3: 0, 4: 9, 5: 0, 6: int(NOISE.sum()), 7: apart,
    }  # fmt: skip
    assert [told[n].status for n in (1, 2, 3, 5, 7)] == [
        "in work", "unreviewed", "accepted", "in work", "in work",
    ]  # fmt: skip
    assert {(one.version, one.started_from, one.seconds) for one in told.values()} == {
        ("", None, 0.0)
    }


def test_what_else_reviewers_said_stays(tmp_path: Path):
    make(tmp_path / FILE, 2)
    before = contents(tmp_path / FILE)
    Store.for_cohort(tmp_path).close()
    after = contents(tmp_path / FILE)
    for name in before.keys() - {"revisions", "schema_version", "sqlite_sequence"}:
        assert after[name] == before[name]
        assert before[name]


def test_a_copy_is_kept_before(old: Path):
    before, number = contents(old / FILE), version(old / FILE)
    copy = old / f"{FILE}.version-{number}"
    copy.with_name(f"{copy.name}.2").write_bytes(b"somebody's own")
    Store.for_cohort(old).close()
    assert contents(copy) == before
    assert version(copy) == number
    assert copy.with_name(f"{copy.name}.2").read_bytes() == b"somebody's own"
    Store.for_cohort(old).close()
    assert len(list(old.glob(f"{FILE}.version-*"))) == 2


def test_a_copy_takes_no_other_one_s_place(old: Path):
    number = version(old / FILE)
    first = old / f"{FILE}.version-{number}"
    first.write_bytes(b"an earlier one")
    before = contents(old / FILE)
    Store.for_cohort(old).close()
    assert first.read_bytes() == b"an earlier one"
    assert contents(first.with_name(f"{first.name}.2")) == before


def test_without_room_for_a_copy_nothing_changes(disk: Disk, tmp_path: Path):
    file = disk.folder / FILE
    shutil.copy(make(tmp_path / FILE, 2), file)
    before = contents(file)
    disk.fill(leave=12 * 4096)  # for the files that SQLite keeps beside it while it is open
    with pytest.raises(StoreError, match=r"reviews\.sqlite: no copy can be kept .* free some"):
        Store.for_cohort(disk.folder)
    disk.free()
    assert contents(file) == before
    assert not list(disk.folder.glob(f"*{FILE}.version*"))
    Store.for_cohort(disk.folder).close()
    assert version(file) == 3


def test_an_upgraded_store_is_opened_again_as_it_is(old: Path):
    for _ in range(2):
        store = Store.for_cohort(old)
        store.tags.add("41", "stain")
        store.close()
    store = Store.for_cohort(old)
    assert len(store.tags.of("41")) == 2
    store.close()


def test_two_programs_that_upgrade_at_once_agree(old: Path):
    problems: list[BaseException] = []

    def open_and_tag() -> None:
        try:
            store = Store.for_cohort(old)
            store.tags.add("41", "other")
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
    assert len(store.tags.of("41")) == 4
    store.close()
    assert version(old / FILE) == 3
    assert len(list(old.glob(f"{FILE}.version-*"))) == 1


def test_an_upgrade_that_fails_leaves_the_old_store(old: Path):
    before = version(old / FILE)
    with closing(sqlite3.connect(old / FILE)) as connection:
        connection.execute("CREATE INDEX claims ON masks (height)")  # in the way
    there = contents(old / FILE)
    with pytest.raises(StoreError, match=FILE):
        Store.for_cohort(old)
    assert version(old / FILE) == before
    assert contents(old / FILE) == there


@pytest.mark.parametrize(
    "newer",
    [
        "UPDATE schema_version SET version = 4",
        "UPDATE alembic_version SET version_num = '0004'",
    ],
)
def test_a_newer_store_is_refused_and_stays(
    place: Path | str, sql: Callable[[str], list[Any]], newer: str
):
    Store(place).close()
    sql(newer)
    with pytest.raises(StoreError, match=r"newer version \(schema 4, this one knows 3\); update"):
        Store(place)
    assert sql("SELECT count(*) FROM revisions") == [(0,)]


def test_the_program_before_this_one_refuses_a_store_of_today(
    place: Path | str, sql: Callable[[str], list[Any]]
):
    Store(place).close()
    assert sql("SELECT version FROM schema_version") == [(3,)]


class TestTables:
    """However a store came to be, its tables are the same."""

    @pytest.fixture
    def engine(self, place: Path | str) -> Iterator[sa.Engine]:
        url = sa.make_url(place) if isinstance(place, str) else sa.URL.create("sqlite")
        named = url.set(drivername="postgresql+psycopg") if isinstance(place, str) else url
        engine = sa.create_engine(named.set(database=str(place)) if named is url else named)
        yield engine
        engine.dispose()

    def differences(self, connection: sa.Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), schema)

    def migrate(self, connection: sa.Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "trainer.data.store:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    def test_made_anew(self, place: Path | str, engine: sa.Engine):
        Store(place).close()
        with engine.begin() as connection:
            assert self.differences(connection) == []

    def test_by_all_migrations(self, engine: sa.Engine):
        with engine.begin() as connection:
            self.migrate(connection)
        with engine.begin() as connection:
            assert self.differences(connection) == []

    def test_from_an_old_program_s(self, old: Path):
        Store.for_cohort(old).close()
        with sa.create_engine(f"sqlite:///{old / FILE}").begin() as connection:
            assert self.differences(connection) == []

    def test_the_last_migration_is_today(self):
        config = Config()
        config.set_main_option("script_location", "trainer.data.store:migrations")
        scripts = ScriptDirectory.from_config(config)
        assert scripts.get_current_head() == MIGRATIONS[-1]
        assert {one.revision for one in scripts.walk_revisions()} == set(MIGRATIONS)


def test_a_store_of_today_opens_without_alembic(tmp_path: Path):
    Store.for_cohort(tmp_path).close()
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from trainer.data.store import Store\n"
        "Store.for_cohort(Path(sys.argv[1])).close()\n"
        "print('alembic' in sys.modules)"
    )
    for folder in (tmp_path, tmp_path / "new"):
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-c", script, str(folder)]
        assert subprocess.check_output(command, text=True).strip() == "False"
