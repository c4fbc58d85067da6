from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainer.data.store import FILE, Start, Store, database
from trainer.errors import StoreError

if TYPE_CHECKING:
    from conftest import Disk

Sql = Callable[[str], list[Any]]

ROWS, COLUMNS = np.indices((60, 80))
MASK = (np.hypot(ROWS - 30, COLUMNS - 35) < 20).astype(np.uint8)


def names(folder: Path) -> list[str]:
    """Of all that a folder holds, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def at(hour: int, minute: int = 0) -> str:
    """A time of one day, as the store keeps it."""
    return f"2026-03-02T{hour:02}:{minute:02}:00.000000+00:00"


@pytest.fixture
def store(place: Path | str) -> Iterator[Store]:
    store = Store(place)
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

    def test_it_is_there_at_the_next_start(self, store: Store, place: Path | str):
        kept = store.add("17", MASK, tool="paint")
        store.close()
        again = Store(place)
        assert again.latest("17") == kept
        assert np.array_equal(again.mask(kept), MASK)
        again.close()

    def test_a_mask_is_kept_once(self, store: Store, sql: Sql):
        for _ in range(5):
            store.add("17", MASK, tool="status")
        store.add("18", MASK * 255, tool="status")
        assert sql("SELECT count(*) FROM masks") == [(1,)]

    @given(
        hnp.arrays(
            np.uint8,
            hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9),
            elements=st.integers(0, 1),
        )
    )
    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None
    )
    def test_any_mask_comes_back(self, store: Store, mask: np.ndarray):
        back = store.mask(store.add("17", mask, tool="paint"))
        assert back.dtype == np.uint8
        assert np.array_equal(back, mask)

    def test_a_3000_px_mask_is_small(self, store: Store, sql: Sql):
        rows, columns = np.indices((3000, 3000), sparse=True)
        waves = ((np.sin(rows / 60) + np.sin(columns / 90)) > 1).astype(np.uint8)
        store.add("17", waves, tool="paint")
        ((size,),) = sql("SELECT sum(length(runs)) FROM masks")
        assert size < 60_000


class TestProvenance:
    """How a mask was made, and what it is worth as a label."""

    def test_all_that_is_told_comes_back(self, store: Store):
        start = Start("ours", "a1b2", 0.45, confidence=0.93)
        told = {"radius": np.float32(2.5), "points": np.array([[1, 2]]), "word": "ü"}
        kept = store.add(
            "17", MASK, tool="snap", status="rejected", reason="artefact", parameters=told,
            started_from=start, seconds=12.5, origin="edited prediction",
        )  # fmt: skip
        assert store.revision(kept.id) == kept
        assert kept.started_from == start
        assert kept.parameters == {"radius": 2.5, "points": [[1, 2]], "word": "ü"}
        assert (kept.seconds, kept.origin, kept.reason) == (12.5, "edited prediction", "artefact")
        assert kept.version == version("hubmap-viewer")

    def test_what_is_not_told(self, store: Store):
        kept = store.add("17", MASK, tool="paint")
        assert (kept.parameters, kept.started_from, kept.reason) == ({}, None, None)
        assert (kept.seconds, kept.origin) == (0.0, "redrawn")

    @given(
        st.lists(hnp.arrays(np.uint8, (7, 5), elements=st.integers(0, 1)), min_size=1, max_size=5)
    )
    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
    )
    def test_changed_pixels_are_counted_against_the_parent(self, store: Store, masks: list):
        case_id = str(len(store.latest_all()))
        before = np.zeros((7, 5), np.uint8)
        for mask in masks:
            assert store.add(case_id, mask, tool="paint").pixels == np.sum(mask != before)
            before = mask

    def test_against_a_mask_of_another_size_all_is_new(self, store: Store):
        store.add("17", MASK[:9], tool="paint")
        assert store.add("17", MASK, tool="paint").pixels == MASK.sum()

    def test_against_a_damaged_mask_all_is_new(self, store: Store, sql: Sql):
        store.add("17", 1 - MASK, tool="paint")
        sql("UPDATE masks SET runs = substr(runs, 1, 9)")
        assert store.add("17", MASK, tool="paint").pixels == MASK.sum()

    @pytest.mark.parametrize(
        ("word", "told"),
        [
            ({"status": "done"}, "unknown status 'done'; use one of unreviewed, in work"),
            ({"origin": "dreamt"}, "unknown origin 'dreamt'; use one of truth"),
            ({"reason": "ugly"}, "unknown reason 'ugly'; use one of mislabelled"),
        ],
    )
    def test_an_unknown_word(self, store: Store, word: dict, told: str):
        with pytest.raises(StoreError, match=told):
            store.add("17", MASK, tool="paint", **word)
        assert store.latest("17") is None


class TestRestoring:
    def test_an_older_mask_comes_back_as_the_newest(self, store: Store):
        start = Start("ours", "a1b2", 0.45)
        old = store.add(
            "17", MASK, tool="paint", status="accepted", note="fine",
            origin="edited prediction", started_from=start,
        )  # fmt: skip
        later = store.add("17", 1 - MASK, tool="paint")
        back = store.restore(old.id, author="bo")
        assert store.history("17") == [old, later, back]
        assert np.array_equal(store.mask(back), MASK)
        assert (back.tool, back.parameters, back.author) == ("restore", {"revision": old.id}, "bo")
        assert (back.status, back.note) == ("in work", "")
        assert (back.origin, back.started_from) == ("edited prediction", start)
        assert back.pixels == MASK.size

    def test_a_damaged_mask_is_not_restored(self, store: Store, sql: Sql):
        old = store.add("17", MASK, tool="paint")
        sql("UPDATE masks SET width = width + 1")
        with pytest.raises(StoreError, match="mask of revision 1 is damaged"):
            store.restore(old.id)
        assert store.history("17") == [store.revision(old.id)]

    def test_a_revision_that_is_not_there(self, store: Store):
        with pytest.raises(StoreError, match="there is no revision 9"):
            store.restore(9)


class TestTime:
    """What the curated set was, and which revision is newest, whatever clocks say."""

    def test_as_of(self, store: Store, sql: Sql):
        first = store.add("17", MASK, tool="paint")
        second = store.add("17", 1 - MASK, tool="paint")
        other = store.add("18", MASK, tool="paint")
        for revision, hour in ((first, 8), (second, 10), (other, 9)):
            sql(f"UPDATE revisions SET created = '{at(hour)}' WHERE id = {revision.id}")
        now = datetime(2026, 3, 2, tzinfo=UTC)

        def ids(hour: float) -> dict[str, int]:
            kept = store.as_of(now + timedelta(hours=hour))
            return {case_id: revision.id for case_id, revision in kept.items()}

        assert ids(7.9) == {}
        assert ids(8) == {"17": first.id}
        assert ids(9.5) == {"17": first.id, "18": other.id}
        assert ids(10) == {"17": second.id, "18": other.id}
        east = (now + timedelta(hours=8.5)).astimezone(timezone(timedelta(hours=5)))
        assert list(store.as_of(east)) == ["17"]
        assert list(store.as_of(east.astimezone(UTC).replace(tzinfo=None))) == ["17"]

    def test_a_clock_that_jumps_back_makes_no_revision_older(self, store: Store, sql: Sql):
        first = store.add("17", MASK, tool="paint")
        sql(f"UPDATE revisions SET created = '{at(10)}' WHERE id = {first.id}")
        second = store.add("17", 1 - MASK, tool="paint")
        sql(f"UPDATE revisions SET created = '{at(9)}' WHERE id = {second.id}")
        third = store.add("17", MASK, tool="undo")
        sql(f"UPDATE revisions SET created = '{at(9, 30)}' WHERE id = {third.id}")

        newest = store.latest("17")
        assert newest is not None
        assert newest.id == third.id
        assert store.latest_all()["17"].id == third.id
        assert [one.id for one in store.history("17")] == [first.id, second.id, third.id]
        assert [one.parent_id for one in store.history("17")] == [None, first.id, second.id]
        assert store.as_of(datetime(2026, 3, 2, 10, tzinfo=UTC))["17"].id == third.id


class TestFile:
    """A store in a cohort's folder."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        return tmp_path / FILE

    def test_it_is_one_file(self, store: Store, tmp_path: Path):
        kept = store.add("17", MASK, tool="paint")
        store.close()
        assert names(tmp_path) == [FILE]
        again = Store(f"sqlite:///{tmp_path / FILE}")
        assert again.latest("17") == kept
        again.close()

    def test_store_url_takes_its_place(self, tmp_path: Path):
        assert not Store.is_kept(tmp_path)
        (tmp_path / "store.url").write_text(f"sqlite:///{tmp_path / 'elsewhere'}\n")
        assert Store.is_kept(tmp_path)
        store = Store.for_cohort(tmp_path)
        store.add("17", MASK, tool="paint")
        store.close()
        assert names(tmp_path) == ["elsewhere", "store.url"]

    @pytest.mark.parametrize("text", ["", "postgres at our place", "sqlite:///a\nsqlite:///b"])
    def test_store_url_that_holds_none(self, tmp_path: Path, text: str):
        (tmp_path / "store.url").write_text(text)
        with pytest.raises(StoreError, match=r"store\.url: holds no database URL; write one line"):
            Store.for_cohort(tmp_path)

    def test_another_kind_of_database(self):
        with pytest.raises(StoreError, match="mysql://… is no database that reviews can be kept"):
            Store("mysql://user:secret@host/db")


class TestTogether:
    def test_threads_and_programs_take_turns(self, store: Store, place: Path | str):
        other = Store(place)
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
    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        return tmp_path / FILE

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

    def test_a_folder_made_read_only_is_told_and_then_goes_on(self, own_folder: Path):
        store = Store.for_cohort(own_folder)
        first = store.add("17", MASK, tool="paint")
        store.close()
        (own_folder / FILE).chmod(0o444)
        own_folder.chmod(0o555)
        with pytest.raises(StoreError, match=r"reviews\.sqlite: cannot be written; copy the coh"):
            store.add("17", 1 - MASK, tool="paint")
        own_folder.chmod(0o755)
        (own_folder / FILE).chmod(0o644)
        second = store.add("17", 1 - MASK, tool="paint")
        store.close()
        assert second.parent_id == first.id

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

    def test_no_database_url(self):
        with pytest.raises(StoreError, match="is no database URL"):
            Store("oracle-of-delphi://user:secret@host/db")
