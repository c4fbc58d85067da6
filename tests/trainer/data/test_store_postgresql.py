"""A store on a server: what can go wrong there, and what must not."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer.data.store import Store, database
from trainer.errors import StoreError

if TYPE_CHECKING:
    from postgres import Server

MASK = np.eye(30, dtype=np.uint8)


@pytest.fixture
def place(postgresql: Server) -> str:
    return postgresql.new_place()


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    store = Store(place)
    yield store
    store.close()


def test_it_is_shared_and_a_file_is_not(store: Store, tmp_path: Path):
    file = Store.for_cohort(tmp_path)
    assert store.shared
    assert not file.shared
    file.close()


def test_a_cohort_s_folder_names_it(place: str, tmp_path: Path):
    (tmp_path / "store.url").write_text(place)
    store = Store.for_cohort(tmp_path)
    kept = store.add("17", MASK, tool="paint")
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["store.url"]
    again = Store(place)
    assert again.latest("17") == kept
    again.close()


def test_two_schemas_of_a_database_are_two_stores(postgresql: Server, store: Store):
    store.add("17", MASK, tool="paint")
    other = Store(postgresql.new_place())
    assert other.latest_all() == {}
    other.close()


def test_reviewers_who_save_one_case_at_once_never_fork_it(place: str, store: Store):
    stores = [Store(place) for _ in range(4)]
    start = threading.Barrier(4)
    errors: list[BaseException] = []

    def save(mine: Store, number: int) -> None:
        try:
            for step in range(8):
                start.wait()
                mask = np.full((5, 5), (number + step) % 2, np.uint8)
                mine.add(str(step), mask, tool=str(number))
        except BaseException as error:  # noqa: BLE001  (told in the main thread)
            start.abort()
            errors.append(error)

    threads = [threading.Thread(target=save, args=(s, n)) for n, s in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in stores:
        one.close()
    assert errors == []
    for step in range(8):
        chain = store.history(str(step))
        assert sorted(one.tool for one in chain) == ["0", "1", "2", "3"]
        assert [one.parent_id for one in chain] == [None, *(one.id for one in chain[:-1])]


def test_programs_that_open_a_new_place_at_once_agree(place: str):
    stores: list[Store] = []
    threads = [threading.Thread(target=lambda: stores.append(Store(place))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 4
    for store in stores:
        store.close()


class TestTrouble:
    def test_no_server(self):
        with pytest.raises(StoreError, match=r"0\.1/db: the server cannot be reached \(.*\); see"):
            Store("postgresql://ada:secret@127.0.0.1:9/db")

    def test_no_such_database(self, postgresql: Server):
        with pytest.raises(StoreError, match="there is no such database; have the server's admin"):
            Store(postgresql.url("nowhere"))

    def test_no_such_user(self, postgresql: Server):
        with pytest.raises(StoreError, match=r"postgres: the server refuses this user; check"):
            Store(postgresql.url(user="nobody_here"))

    def test_a_user_who_may_not_write(self, postgresql: Server, place: str, store: Store):
        schema = re.findall("place[0-9]+", place)[0]
        postgresql.execute(f"CREATE ROLE guest_{schema} LOGIN; GRANT USAGE ON SCHEMA {schema} "
                           f"TO guest_{schema}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} "
                           f"TO guest_{schema}")  # fmt: skip
        kept = store.add("17", MASK, tool="paint")
        guest = Store(place.replace("reviews@", f"guest_{schema}@"))
        assert guest.latest("17") == kept
        with pytest.raises(StoreError, match="this user may not write there; ask the server's"):
            guest.add("17", MASK, tool="paint")
        guest.close()

    def test_a_server_that_was_started_anew(self, postgresql: Server, store: Store):
        first = store.add("17", MASK, tool="paint")
        postgresql.stop()
        with pytest.raises(StoreError, match="the server cannot be reached"):
            store.add("17", 1 - MASK, tool="paint")
        postgresql.start()
        second = store.add("17", 1 - MASK, tool="paint")
        assert second.parent_id == first.id

    def test_a_writer_that_never_ends_its_turn(
        self, place: str, store: Store, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
        impatient = Store(place)
        with (
            store._database.writing(),
            pytest.raises(StoreError, match="is locked by another program; close that program"),
        ):
            impatient.add("17", MASK, tool="paint")
        assert impatient.add("17", MASK, tool="paint") == store.latest("17")
        impatient.close()
