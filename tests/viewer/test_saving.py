"""Drafts become revisions soon, in order, and none is dropped when the store refuses."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hubmap_viewer import saving
from hubmap_viewer.saving import Draft, Saver
from trainer.data.store import Revision, Store
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
def saver(store: Store, heard: Heard) -> Iterator[Saver]:
    saver = Saver(store, heard.on_saved, heard.on_failed)
    yield saver
    saver.close(timeout=5)


def draft(case_id: str, value: int, **more: object) -> Draft:
    mask = np.zeros((8, 8), np.uint8)
    mask.flat[:value] = 1
    return Draft(case_id, mask, "paint", "unreviewed", **more)  # type: ignore[arg-type]


def test_a_draft_is_kept_within_a_second(saver: Saver, store: Store, heard: Heard) -> None:
    saver.submit(draft("1", 5))
    assert heard.news.wait(1.0)
    revision = store.latest("1")
    assert revision is not None
    assert store.mask(revision).sum() == 5


def test_strokes_in_quick_succession_are_one_revision(saver: Saver, store: Store) -> None:
    for value in range(1, 6):
        saver.submit(draft("1", value))
    assert saver.flush()
    assert len(store.history("1")) == 1
    assert store.mask(store.history("1")[0]).sum() == 5


def test_endless_strokes_are_kept_on_the_way(saver: Saver, store: Store) -> None:
    started = time.monotonic()
    value = 0
    while time.monotonic() - started < 2 * saving.PATIENCE:
        value = value % 60 + 1
        saver.submit(draft("1", value))
        threading.Event().wait(saving.QUIET / 4)
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
    saver = Saver(store, heard.on_saved, heard.on_failed)
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
