"""Strokes are on the disk before the next one, whatever ends the program."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit, History
from trainer.data.store import Journal, Story, Stroke
from trainer.data.store.story import Kind
from trainer.errors import StoreError

if TYPE_CHECKING:
    from conftest import Disk

SHAPE = (60, 80)
EMPTY = np.zeros(SHAPE, np.uint8)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def square(at: int, size: int = 9) -> Edit:
    """Flips a square."""
    box = Box(at, at, at + size, at + size)
    after = EMPTY.copy()
    box.of(after)[:] = 1
    edit = Edit.between(EMPTY, after, "paint", box, {"radius": 2.5})
    assert edit is not None
    return edit


def stroke(at: int, seconds: float = 1.0) -> Stroke:
    return Stroke("edit", square(at), seconds, NOON + timedelta(seconds=at), "ada")


def step(kind: Kind) -> Stroke:
    return Stroke(kind, None, 0.5, NOON, "ada")


def story(journal: Journal, case_id: str = "17") -> Story:
    told = journal.read(case_id)
    assert told is not None
    return told


def drawn(*edits: int) -> Mask:
    mask = EMPTY.copy()
    for at in edits:
        square(at).apply(mask)
    return mask


def file_of(folder: Path) -> Path:
    (file,) = (folder / "journals").iterdir()
    return file


class TestTelling:
    def test_nothing_is_made_before_the_first_record(self, journal: Journal, tmp_path: Path):
        assert journal.read("17") is None
        assert journal.unkept() == []
        assert journal.strokes("17") == []
        assert list(tmp_path.iterdir()) == []

    def test_what_is_told_comes_back(self, journal: Journal, tmp_path: Path):
        journal.begin("17", EMPTY, revision_id=4)
        told = [stroke(3), step("undo"), stroke(20)]
        for one in told:
            journal.append("17", one)
        there = story(Journal(tmp_path))
        assert list(there.strokes) == told
        assert (there.base.case_id, there.base.revision_id, there.base.shape) == ("17", 4, SHAPE)
        assert (there.kept, there.kept_id, there.torn) == (0, 4, False)
        assert np.array_equal(there.replay(EMPTY), drawn(20))
        assert not EMPTY.any()

    def test_a_mask_in_no_revision_is_kept_itself(self, journal: Journal):
        start = drawn(1, 30)
        journal.begin("17", start, revision_id=None)
        journal.append("17", stroke(3))
        assert np.array_equal(story(journal).replay(), drawn(1, 30, 3))

    def test_strokes_are_not_replayed_on_another_mask(self, journal: Journal):
        journal.begin("17", EMPTY, revision_id=4)
        journal.append("17", stroke(3))
        for other in (drawn(1), EMPTY[:50], None):
            with pytest.raises(StoreError, match="case 17: its strokes were drawn on another mask"):
                story(journal).replay(other)

    def test_what_is_kept_in_a_revision(self, journal: Journal):
        journal.begin("17", EMPTY, revision_id=None)
        journal.append("17", stroke(3, seconds=2))
        journal.append("17", stroke(20, seconds=3))
        assert journal.unkept() == ["17"]
        assert (story(journal).seconds(), story(journal).pixels()) == (5, 162)
        journal.keep("17", 9)
        assert journal.unkept() == []
        assert (story(journal).kept, story(journal).kept_id) == (2, 9)
        assert story(journal).unkept == ()
        journal.append("17", step("undo"))
        assert journal.unkept() == ["17"]
        assert story(journal).unkept == (step("undo"),)
        assert (story(journal).seconds(), story(journal).pixels()) == (0.5, 81)
        assert np.array_equal(story(journal).replay(), drawn(3))

    def test_a_new_chain_gives_up_the_one_before_but_not_its_strokes(self, journal: Journal):
        journal.begin("17", EMPTY, revision_id=None)
        journal.append("17", stroke(3))
        journal.begin("17", drawn(30), revision_id=2)
        assert journal.unkept() == []
        assert story(journal).strokes == ()
        journal.append("17", stroke(40))
        assert np.array_equal(story(journal).replay(drawn(30)), drawn(30, 40))
        assert journal.strokes("17") == [stroke(3), stroke(40)]

    def test_an_undo_may_bring_its_edit_along(self, journal: Journal):
        journal.begin("17", drawn(3), revision_id=2)
        journal.append("17", Stroke("undo", square(3), 1, NOON, "ada"))
        assert np.array_equal(story(journal).replay(drawn(3)), EMPTY)
        assert story(journal).history() == ([], [square(3)])

    def test_an_undo_of_nothing(self, journal: Journal):
        journal.begin("17", EMPTY, revision_id=None)
        journal.append("17", step("redo"))
        with pytest.raises(StoreError, match="case 17: its journal has nothing to redo"):
            story(journal).replay()

    @given(st.lists(st.sampled_from(["edit", "undo", "redo", "keep", "restart"]), max_size=25))
    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
    )
    def test_undo_and_redo_go_on_across_restarts(self, tmp_path: Path, gestures: list[str]):
        journal, mask, history = Journal(tmp_path), drawn(50), History()
        journal.begin("17", mask, revision_id=None)
        for number, gesture in enumerate(gestures):
            if gesture == "edit":
                edit = square(number % 50)
                edit.apply(mask)
                history.record(edit)
                journal.append("17", Stroke("edit", edit, 1, NOON, "ada"))
            elif gesture == "undo" and history.undo(mask):
                journal.append("17", step("undo"))
            elif gesture == "redo" and history.redo(mask):
                journal.append("17", step("redo"))
            elif gesture == "keep":
                journal.keep("17", number)
            elif gesture == "restart":
                journal = Journal(tmp_path)
                history = History.of(*story(journal).history())
            assert np.array_equal(story(journal).replay(), mask)

    @pytest.mark.parametrize(
        "pair", [("a", "A"), ("1/2", "1_2"), ("..", "."), ("ü", "u"), ("x" * 300, "x" * 301)]
    )
    def test_each_case_has_a_file_of_its_own(
        self, journal: Journal, tmp_path: Path, pair: tuple[str, str]
    ):
        for number, case_id in enumerate(pair):
            journal.begin(case_id, EMPTY, revision_id=number)
            journal.append(case_id, stroke(number))
        assert sorted(journal.unkept()) == sorted(pair)
        assert [story(journal, id).base.revision_id for id in pair] == [0, 1]
        names = [path.name for path in (tmp_path / "journals").iterdir()]
        assert len({name.lower() for name in names}) == 2
        assert list(tmp_path.iterdir()) == [tmp_path / "journals"]

    def test_the_file_of_an_ordinary_case_bears_its_id(self, journal: Journal, tmp_path: Path):
        journal.begin("10044", EMPTY, revision_id=1)
        assert file_of(tmp_path).name == "10044.journal"

    def test_threads_take_turns(self, journal: Journal):
        journal.begin("17", EMPTY, revision_id=1)

        def draw(at: int) -> None:
            for _ in range(10):
                journal.append("17", stroke(at))

        threads = [threading.Thread(target=draw, args=(at,)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(story(journal).strokes) == 40
        assert not story(journal).torn


class TestCrash:
    def test_a_torn_stroke_is_left_out_and_the_next_one_follows(self, tmp_path: Path):
        journal = Journal(tmp_path)
        journal.begin("17", EMPTY, revision_id=None)
        journal.append("17", stroke(3))
        file = file_of(tmp_path)
        whole = file.read_bytes()
        journal.append("17", stroke(20))
        both = file.read_bytes()
        for end in range(len(whole) + 1, len(both)):
            file.write_bytes(both[:end])
            again = Journal(tmp_path)
            assert story(again).strokes == (stroke(3),)
            assert story(again).torn
            assert again.unkept() == ["17"]
            again.append("17", stroke(40))
            assert story(again).strokes == (stroke(3), stroke(40))
            assert not story(again).torn
        assert list((tmp_path / "journals").iterdir()) == [file]

    @pytest.mark.parametrize("tail", [bytes(7), bytes(4096), b"\xff" * 40])
    def test_what_a_lost_power_leaves_is_no_stroke(self, tmp_path: Path, tail: bytes):
        journal = Journal(tmp_path)
        journal.begin("17", EMPTY, revision_id=None)
        journal.append("17", stroke(3))
        file = file_of(tmp_path)
        file.write_bytes(file.read_bytes() + tail)
        again = Journal(tmp_path)
        assert story(again).torn
        assert again.unkept() == ["17"]
        again.keep("17", 1)
        assert story(again).strokes == (stroke(3),)
        assert not story(again).torn

    @pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
    def test_whole_strokes_behind_damage_are_kept_in_a_copy(self, tmp_path: Path, share: float):
        journal = Journal(tmp_path)
        journal.begin("17", EMPTY, revision_id=4)
        for at in range(8):
            journal.append("17", stroke(at))
        file = file_of(tmp_path)
        damaged = bytearray(file.read_bytes())
        damaged[int(len(damaged) * share)] ^= 1
        file.write_bytes(damaged)
        again = Journal(tmp_path)
        before = len(story(again).strokes)
        assert story(again).torn
        assert 0 < before < 8
        again.append("17", stroke(40))
        assert len(story(again).strokes) == before + 1
        assert file.with_name("17.journal.damaged").read_bytes() == damaged
        assert again.unkept() == ["17"]

    def test_a_file_that_is_no_journal(self, tmp_path: Path):
        (tmp_path / "journals").mkdir()
        file = tmp_path / "journals" / "17.journal"
        file.write_text("something else altogether")
        assert Journal(tmp_path).read("17") is None
        with pytest.raises(StoreError, match="a stroke came before the mask it changes"):
            Journal(tmp_path).append("17", stroke(3))

    def test_killed_at_any_moment_what_was_told_is_there(self, tmp_path: Path):
        script = (
            "import sys, numpy as np\n"
            "from datetime import UTC, datetime\n"
            "from pathlib import Path\n"
            "from trainer.data.edits import Edit\n"
            "from trainer.data.store import Journal, Stroke\n"
            "journal, mask = Journal(Path(sys.argv[1])), np.zeros((400, 400), np.uint8)\n"
            "journal.begin('17', mask, None)\n"
            "random = np.random.default_rng(0)\n"
            "for number in range(1, 10**6):\n"
            "    after = random.integers(0, 2, mask.shape, np.uint8)\n"
            "    edit = Edit.between(mask, after, str(number))\n"
            "    journal.append('17', Stroke('edit', edit, 1, datetime.now(UTC), 'ada'))\n"
            "    mask = after\n"
            "    print(number, flush=True)\n"
        )
        for told in (1, 20):
            folder = tmp_path / str(told)
            folder.mkdir()
            drawing = subprocess.Popen(
                [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True
            )
            assert drawing.stdout is not None
            for _ in range(told):
                said = int(drawing.stdout.readline())
            drawing.send_signal(signal.SIGKILL)
            said = max([said, *map(int, drawing.stdout.read().split())])
            drawing.wait()
            there = story(Journal(folder))
            assert [s.edit and s.edit.tool for s in there.strokes] == [
                str(number + 1) for number in range(len(there.strokes))
            ]
            assert len(there.strokes) >= said
            random = np.random.default_rng(0)
            for _ in there.strokes:
                after = random.integers(0, 2, (400, 400), np.uint8)
            assert np.array_equal(there.replay(), after)


class TestTrouble:
    """Told in a sentence; the journal is as it was, and the next try succeeds."""

    def test_disk_full(self, disk: Disk):
        journal, noise = Journal(disk.folder), noisy()
        journal.begin("17", EMPTY, revision_id=None)
        journal.append("17", stroke(3))
        file = file_of(disk.folder)
        before = file.read_bytes()
        disk.fill(leave=8192)  # room for a part of it
        for call in attempts(journal, noise):
            with pytest.raises(StoreError, match=r"17\.journal: the disk is full; free some space"):
                call()
            assert file.read_bytes() == before
        assert not story(journal).torn
        disk.free()
        for call in attempts(journal, noise):
            call()
        assert [one.kind for one in journal.strokes("17")] == ["edit", "edit"]
        assert not story(journal).torn

    def test_disk_full_from_the_start(self, disk: Disk):
        journal = Journal(disk.folder)
        disk.fill()
        with pytest.raises(StoreError, match="the disk is full; free some space and save again"):
            journal.begin("17", noisy(), revision_id=None)
        assert journal.read("17") is None
        disk.free()
        journal.begin("17", noisy(), revision_id=None)
        assert np.array_equal(story(journal).replay(), noisy())

    def test_a_folder_made_read_only(self, forbidden_folder: Path):
        journal = Journal(forbidden_folder)
        with pytest.raises(StoreError, match="cannot be written; copy the cohort to a folder"):
            journal.begin("17", EMPTY, revision_id=None)
        assert journal.read("17") is None

    def test_a_folder_made_read_only_between_two_strokes(self, own_folder: Path):
        journal = Journal(own_folder)
        journal.begin("17", EMPTY, revision_id=None)
        journal.append("17", stroke(3))
        file = file_of(own_folder)
        before = file.read_bytes()
        file.chmod(0o444)
        with pytest.raises(StoreError, match=r"17\.journal: cannot be written; copy the cohort"):
            journal.append("17", stroke(20))
        assert file.read_bytes() == before
        assert journal.unkept() == ["17"]
        file.chmod(0o644)
        journal.append("17", stroke(20))
        assert np.array_equal(story(journal).replay(), drawn(3, 20))

    def test_a_stroke_without_a_mask(self, journal: Journal, tmp_path: Path):
        with pytest.raises(StoreError, match="a stroke came before the mask it changes"):
            journal.append("17", stroke(3))
        assert list(tmp_path.iterdir()) == []

    def test_a_revision_without_a_stroke_needs_no_journal(self, journal: Journal, tmp_path: Path):
        journal.keep("17", 1)
        assert list(tmp_path.iterdir()) == []

    def test_a_clock_that_jumps_back_changes_no_order(self, journal: Journal):
        journal.begin("17", EMPTY, revision_id=None)
        for at, hours in ((3, 0), (20, -1), (40, -2)):
            journal.append(
                "17", Stroke("edit", square(at), 1, NOON + timedelta(hours=hours), "ada")
            )
        assert np.array_equal(story(journal).replay(), drawn(3, 20, 40))


def noisy() -> Mask:
    return np.random.default_rng(0).integers(0, 2, (400, 400), np.uint8)


def attempts(journal: Journal, noise: Mask) -> list[Callable[[], None]]:
    """A stroke and a base, each too large for what room is left."""
    edit = Edit.between(np.zeros_like(noise), noise, "fill")
    return [
        lambda: journal.append("17", Stroke("edit", edit, 1, NOON, "ada")),
        lambda: journal.begin("17", noise, revision_id=None),
    ]
