from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainer.data.store import Store, database
from trainer.errors import StoreError

if TYPE_CHECKING:
    from conftest import Disk

ROWS, COLUMNS = np.indices((60, 80))
MASK = (np.hypot(ROWS - 30, COLUMNS - 35) < 20).astype(np.uint8)


def names(folder: Path) -> list[str]:
    """Of all that a folder holds, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.for_cohort(tmp_path)
    yield store
    store.close()


class TestKeeping:
    def test_a_revision_and_all_that_is_known_of_it(self, store: Store):
        kept = store.add("17", MASK, tool="paint", status="accepted", note="fine", author="ada")
        assert store.latest("17") == kept
        assert (kept.case_id, kept.parent_id, kept.author, kept.tool, kept.status, kept.note) == (
            "17", None, "ada", "paint", "accepted", "fine",
        )  # fmt: skip
        assert kept.shape == MASK.shape
        assert kept.created.tzinfo is not None
        assert abs(datetime.now(UTC) - kept.created) < timedelta(minutes=1)

    def test_revisions_form_a_chain_that_is_only_added_to(self, store: Store):
        first = store.add("17", MASK, tool="truth")
        store.add("18", MASK, tool="truth")
        second = store.add("17", 1 - MASK, tool="paint")
        third = store.add("17", MASK, tool="undo")
        assert store.history("17") == [first, second, third]
        assert [r.parent_id for r in store.history("17")] == [None, first.id, second.id]
        assert np.array_equal(store.mask(second), 1 - MASK)
        assert np.array_equal(store.mask(first), MASK)

    def test_the_latest_of_all(self, store: Store):
        store.add("17", MASK, tool="paint")
        newest = {id_: store.add(id_, MASK, tool="paint") for id_ in ("17", "18")}
        assert store.latest_all() == newest

    def test_nothing_yet(self, store: Store):
        assert store.latest("17") is None
        assert store.latest_all() == {}
        assert store.history("17") == []

    def test_it_is_there_at_the_next_start(self, store: Store, tmp_path: Path):
        kept = store.add("17", MASK, tool="paint")
        store.close()
        again = Store(f"sqlite:///{tmp_path / 'reviews.sqlite'}")
        assert again.latest("17") == kept
        assert np.array_equal(again.mask(kept), MASK)
        again.close()
        assert names(tmp_path) == ["reviews.sqlite"]

    def test_a_mask_is_kept_once(self, store: Store, tmp_path: Path):
        for _ in range(5):
            store.add("17", MASK, tool="status")
        store.add("18", MASK * 255, tool="status")
        store.close()
        with sqlite3.connect(tmp_path / "reviews.sqlite") as connection:
            assert connection.execute("SELECT count(*) FROM masks").fetchone() == (1,)

    @given(
        hnp.arrays(
            np.uint8,
            hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9),
            elements=st.integers(0, 1),
        )
    )
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    def test_any_mask_comes_back(self, store: Store, mask: np.ndarray):
        back = store.mask(store.add("17", mask, tool="paint"))
        assert back.dtype == np.uint8
        assert np.array_equal(back, mask)

    def test_a_page_of_a_3000_px_mask_is_small(self, store: Store, tmp_path: Path):
        rows, columns = np.indices((3000, 3000), sparse=True)
        waves = ((np.sin(rows / 60) + np.sin(columns / 90)) > 1).astype(np.uint8)
        store.add("17", waves, tool="paint")
        store.close()
        assert (tmp_path / "reviews.sqlite").stat().st_size < 120_000


class TestTogether:
    def test_threads_and_programs_take_turns(self, store: Store, tmp_path: Path):
        other = Store.for_cohort(tmp_path)
        errors: list[BaseException] = []

        def save(through: Store, number: int) -> None:
            try:
                for step in range(10):
                    through.add("17", np.full((9, 9), (number + step) % 2), tool=f"{number}")
                    through.latest_all()
            except BaseException as error:  # noqa: BLE001  (told in the main thread)
                errors.append(error)

        threads = [
            threading.Thread(target=save, args=((store, other)[number % 2], number))
            for number in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        other.close()
        assert errors == []
        history = store.history("17")
        assert len(history) == 60
        assert [r.parent_id for r in history] == [None, *(r.id for r in history[:-1])]

    def test_killed_while_saving_nothing_saved_is_lost(self, tmp_path: Path):
        script = (
            "import sys, numpy as np\n"
            "from pathlib import Path\n"
            "from trainer.data.store import Store\n"
            "store = Store.for_cohort(Path(sys.argv[1]))\n"
            "noise = np.random.default_rng(0).integers(0, 2, (400, 400), np.uint8)\n"
            "for number in range(1, 10**6):\n"
            "    store.add('17', np.roll(noise, number), tool=str(number))\n"
            "    print(number, flush=True)\n"
        )
        for told in (1, 7, 20):
            folder = tmp_path / str(told)
            folder.mkdir()
            saving = subprocess.Popen(
                [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True
            )
            assert saving.stdout is not None
            for _ in range(told):
                said = int(saving.stdout.readline())
            saving.send_signal(signal.SIGKILL)
            said = max([said, *map(int, saving.stdout.read().split())])
            saving.wait()
            store = Store.for_cohort(folder)
            history = store.history("17")
            assert len(history) >= said
            assert [r.tool for r in history] == [str(n + 1) for n in range(len(history))]
            noise = np.random.default_rng(0).integers(0, 2, (400, 400), np.uint8)
            for number, revision in enumerate(history, start=1):
                assert np.array_equal(store.mask(revision), np.roll(noise, number))
            store.close()


class TestTrouble:
    def test_disk_full_keeps_the_earlier_and_goes_on_when_there_is_room(self, disk: Disk):
        store = Store.for_cohort(disk.folder)
        first = store.add("17", MASK, tool="paint")
        disk.fill()
        noise = np.random.default_rng(0).integers(0, 2, (500, 500), np.uint8)
        with pytest.raises(StoreError, match=r"reviews\.sqlite: the disk is full; free some space"):
            store.add("17", noise, tool="paint")
        assert store.latest("17") == first
        assert np.array_equal(store.mask(first), MASK)
        disk.free()
        second = store.add("17", 1 - MASK, tool="paint")
        assert second.parent_id == first.id
        assert np.array_equal(store.mask(second), 1 - MASK)
        store.close()

    def test_a_file_that_may_not_grow_keeps_the_earlier(self, tmp_path: Path):
        pytest.importorskip("resource", reason="only POSIX limits a file's size")
        script = (
            "import resource, sys, numpy as np\n"
            "from pathlib import Path\n"
            "from trainer.data.store import Store\n"
            "from trainer.errors import StoreError\n"
            "store = Store.for_cohort(Path(sys.argv[1]))\n"
            "store.add('17', np.eye(9, dtype=np.uint8), tool='first')\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
            "noise = np.random.default_rng(0).integers(0, 2, (900, 900), np.uint8)\n"
            "try:\n"
            "    store.add('17', noise, tool='second')\n"
            "except StoreError as error:\n"
            "    print(error)\n"
        )
        told = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert re.search(r"reviews\.sqlite: the disk (is full|refuses to write); free", told.stdout)
        store = Store.for_cohort(tmp_path)
        (kept,) = store.history("17")
        assert np.array_equal(store.mask(kept), np.eye(9))
        store.close()

    def test_a_folder_that_may_not_be_written(self, forbidden_folder: Path):
        with pytest.raises(StoreError, match=r"reviews\.sqlite: cannot be written; copy the coh"):
            Store.for_cohort(forbidden_folder)

    def test_a_folder_that_is_not_there(self, tmp_path: Path):
        with pytest.raises(StoreError, match="cannot be written"):
            Store.for_cohort(tmp_path / "none")

    def test_a_file_that_is_no_database(self, tmp_path: Path):
        (tmp_path / "reviews.sqlite").write_bytes(b"a text, long enough to be no header" * 99)
        with pytest.raises(StoreError, match="is not a database of reviews; move it away"):
            Store.for_cohort(tmp_path)

    def test_a_database_that_another_program_holds(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        store.close()
        monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
        other = sqlite3.connect(tmp_path / "reviews.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another program; close that program"):
            store.add("17", MASK, tool="paint")
        other.execute("ROLLBACK")
        other.close()
        assert store.add("17", MASK, tool="paint") == store.latest("17")

    def test_a_newer_version_s_store(self, store: Store, tmp_path: Path):
        store.close()
        with sqlite3.connect(tmp_path / "reviews.sqlite") as connection:
            connection.execute("UPDATE schema_version SET version = 4")
        connection.close()
        with pytest.raises(StoreError, match=r"newer version \(schema 4, this one knows 3\); upd"):
            Store.for_cohort(tmp_path)

    @pytest.mark.parametrize("damage", ["zeroblob(40)", "X'789c0300000000 01'".replace(" ", "")])
    def test_a_damaged_mask(self, store: Store, tmp_path: Path, damage: str):
        kept = store.add("17", MASK, tool="paint")
        with sqlite3.connect(tmp_path / "reviews.sqlite") as connection:
            connection.execute(f"UPDATE masks SET runs = {damage}")
        connection.close()
        with pytest.raises(StoreError, match="case 17: the mask of revision 1 is damaged; go back"):
            store.mask(kept)

    def test_another_store_s_revision(self, store: Store, tmp_path: Path):
        (tmp_path / "other").mkdir()
        other = Store.for_cohort(tmp_path / "other")
        kept = other.add("17", MASK, tool="paint")
        other.close()
        with pytest.raises(StoreError, match="there is no revision 1"):
            store.mask(kept)

    def test_an_unknown_status(self, store: Store):
        with pytest.raises(StoreError, match="unknown status 'done'"):
            store.add("17", MASK, tool="paint", status="done")  # pyright: ignore
        assert store.latest("17") is None

    def test_no_database_url(self):
        with pytest.raises(StoreError, match="is no database URL"):
            Store("oracle-of-delphi://user:secret@host/db")
