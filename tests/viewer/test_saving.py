"""Drafts become revisions soon, in order, and none is dropped when the store refuses."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from hubmap_viewer import saving
from hubmap_viewer.saving import Draft, Note, Saver
from trainer.data.edits import Edit
from trainer.data.store import Journal, Revision, Store, Stroke
from trainer.errors import StoreError


class Heard:
    """What a saver has told."""

    def __init__(self) -> None:
        self.saved: list[Revision] = []
        self.failed: list[StoreError] = []
        self.news = threading.Event()

    def on_saved(self, revision: Revision) -> None:
        self.saved.append(revision)
        self.news.set()

    def on_failed(self, error: StoreError) -> None:
        self.failed.append(error)
        self.news.set()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.for_cohort(tmp_path)
    yield store
    store.close()


@pytest.fixture
def saver(store: Store, heard: Heard, tmp_path: Path) -> Iterator[Saver]:
    saver = Saver(store, Journal(tmp_path), heard.on_saved, heard.on_failed)
    yield saver
    saver.close(timeout=5)


def draft(case_id: str, value: int, **more: object) -> Draft:
    mask = np.zeros((8, 8), np.uint8)
    mask.flat[:value] = 1
    return Draft(case_id, mask, "paint", "unreviewed", **more)  # type: ignore[arg-type]


def test_a_draft_is_kept_by_itself(saver: Saver, store: Store, heard: Heard) -> None:
    assert saving.QUIET < saving.PATIENCE < 1
    saver.submit(draft("1", 5))
    assert heard.news.wait(20)
    revision = store.latest("1")
    assert revision is not None
    assert store.mask(revision).sum() == 5


def test_strokes_in_quick_succession_are_one_revision(saver: Saver, store: Store) -> None:
    for value in range(1, 6):
        saver.submit(draft("1", value))
    assert saver.flush()
    assert len(store.history("1")) == 1
    assert store.mask(store.history("1")[0]).sum() == 5


def test_endless_strokes_are_kept_on_the_way(
    saver: Saver, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "QUIET", 60)
    value, last = 0, time.monotonic() + 20
    while store.latest("1") is None and time.monotonic() < last:
        value = value % 60 + 1
        saver.submit(draft("1", value))
        threading.Event().wait(0.05)
    assert store.latest("1") is not None


def test_cases_do_not_replace_each_other(saver: Saver, store: Store) -> None:
    saver.submit(draft("1", 3))
    saver.submit(draft("2", 4))
    assert saver.unsaved() == ["1", "2"]
    assert saver.flush()
    assert saver.unsaved() == []
    assert {case: store.mask(r).sum() for case, r in store.latest_all().items()} == {"1": 3, "2": 4}


def test_a_pending_draft_can_be_looked_at(saver: Saver) -> None:
    saver.submit(draft("1", 7))
    pending = saver.pending("1")
    assert pending is not None
    assert pending.mask.sum() == 7
    assert saver.pending("2") is None


def test_a_locked_store_is_told_and_tried_again_until_it_yields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "RETRY", 0.1)
    heard, store = Heard(), Store.for_cohort(tmp_path)
    store.add("0", np.ones((2, 2), np.uint8), tool="paint")
    other = sqlite3.connect(tmp_path / "reviews.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    saver = Saver(store, Journal(tmp_path), heard.on_saved, heard.on_failed)
    saver.submit(draft("1", 9, urgent=True))
    assert heard.news.wait(60)
    assert "reviews.sqlite" in str(heard.failed[0])
    assert saver.unsaved() == ["1"]
    assert not saver.flush(timeout=0.2)

    other.execute("ROLLBACK")
    assert saver.close(timeout=60)
    again = Store.for_cohort(tmp_path)
    revision = again.latest("1")
    assert revision is not None
    assert again.mask(revision).sum() == 9
    again.close()
    store.close()


def stroke(case_id: str, before: np.ndarray, after: np.ndarray, *, first: bool = False) -> Note:
    edit = Edit.between(before, after, "paint")
    told = Stroke("edit", edit, seconds=1.0, at=datetime.now(UTC), author="tester")
    return Note(case_id, told, before if first else None)


def test_a_stroke_is_in_the_journal_before_its_revision_is_due(
    tmp_path: Path, store: Store, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "QUIET", 60.0)
    monkeypatch.setattr(saving, "PATIENCE", 60.0)
    journal = Journal(tmp_path)
    saver = Saver(store, journal, heard.on_saved, heard.on_failed)
    nothing, one, two = (draft("1", value).mask for value in (0, 5, 9))
    saver.submit(draft("1", 5), stroke("1", nothing, one, first=True))
    saver.submit(draft("1", 9), stroke("1", one, two))
    wait_for(lambda: (story := journal.read("1")) is not None and len(story.strokes) == 2)
    assert store.latest("1") is None
    assert journal.unkept() == ["1"]
    story = journal.read("1")
    assert story is not None
    assert np.array_equal(story.replay(), two)

    assert saver.close(timeout=20)
    assert journal.unkept() == []
    revision = store.latest("1")
    assert revision is not None
    assert np.array_equal(store.mask(revision), two)


def test_a_journal_that_cannot_be_written_keeps_no_revision_waiting(
    tmp_path: Path, store: Store, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "RETRY", 0.1)
    (tmp_path / "journals").write_text("in the way")
    journal = Journal(tmp_path)
    saver = Saver(store, journal, heard.on_saved, heard.on_failed)
    nothing, one = draft("1", 0).mask, draft("1", 5).mask
    saver.submit(draft("1", 5), stroke("1", nothing, one, first=True))
    wait_for(lambda: store.latest("1") is not None)
    assert "journals" in str(heard.failed[0])

    (tmp_path / "journals").unlink()
    assert saver.close(timeout=20)
    story = journal.read("1")
    assert story is not None
    assert np.array_equal(story.replay(), one)


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        threading.Event().wait(0.01)
