"""Two reviewers on one store of a server: a case is one person's at a time."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hubmap_viewer.loading import load
from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort

if TYPE_CHECKING:
    from postgres import Server

Sit = Callable[[], Session]


@pytest.fixture
def sit(cohort_folder: Path, tmp_path: Path, postgresql: Server) -> Iterator[Sit]:
    """Opens a session as one reviewer more, on a copy of the cohort of their own."""
    sessions: list[Session] = []
    place = postgresql.new_place()

    def sit_down() -> Session:
        folder = tmp_path / f"copy{len(sessions)}"
        shutil.copytree(cohort_folder, folder)
        (folder / "store.url").write_text(place)
        session = Session()
        session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
        session.open_cohort(Cohort.open(folder))
        sessions.append(session)
        return session

    yield sit_down
    for session in sessions:
        session.close()


def mask_of(session: Session) -> np.ndarray:
    assert session.open is not None
    return session.open.curated


def paint(session: Session, row: int) -> None:
    mask_of(session)[row : row + 5] ^= 1
    session.drawing.painted("paint")


def test_the_second_reviewer_looks_until_the_first_has_gone(sit: Sit) -> None:
    ann, bob = sit(), sit()
    ann.want("11")
    bob.want("11")
    assert bob.open is not None
    assert bob.open.taken is not None
    assert not bob.drawing.may_draw
    paint(ann, 10)
    drawn = mask_of(ann).copy()
    ann.flush()
    ann.want("12")
    bob.want("21")
    bob.want("11")
    assert bob.drawing.may_draw
    assert np.array_equal(mask_of(bob), drawn)


def test_work_that_came_in_since_a_case_was_read_is_not_covered_up(sit: Sit) -> None:
    ann, bob = sit(), sit()
    early = load(bob.sources, "11")
    ann.want("11")
    paint(ann, 10)
    drawn = mask_of(ann).copy()
    ann.flush()
    ann.want("12")
    bob.wanted = "11"
    bob.put(early)
    assert np.array_equal(mask_of(bob), drawn)
    paint(bob, 100)
    bob.flush()
    assert bob.store is not None
    history = bob.store.history("11")
    assert [one.parent_id for one in history] == [None, history[0].id]


def test_each_keeps_what_they_drew_on_their_own_case(sit: Sit) -> None:
    ann, bob = sit(), sit()
    ann.want("11")
    bob.want("12")
    paint(ann, 10)
    paint(bob, 20)
    assert ann.flush()
    assert bob.flush()
    assert ann.store is not None
    assert set(ann.store.latest_all()) == {"11", "12"}


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        threading.Event().wait(0.01)


def test_a_save_that_came_too_late_is_told_and_its_strokes_are_offered(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ann pauses so long that her claim lapses; Bob changes the case; Ann draws on."""
    ann, bob = sit(), sit()
    words: list[str] = []
    ann.told.connect(lambda message: words.append(str(message)))
    ann.want("11")
    assert ann.store is not None
    ann.store.claims.take("11", lapse=timedelta(seconds=-1))
    bob.want("11")
    assert bob.drawing.may_draw
    paint(bob, 100)
    bob.flush()
    bobs = mask_of(bob).copy()

    paint(ann, 10)
    anns = mask_of(ann).copy()
    ann.flush()
    wait_for(lambda: ann.open is not None and ann.open.lost is not None)
    assert any("is at work on it" in word for word in words)
    assert np.array_equal(mask_of(ann), bobs)
    assert ann.open is not None
    assert ann.open.lost is not None
    ann.drawing.recover()
    assert np.array_equal(mask_of(ann), bobs)

    bob.want("12")
    ann.want("12")
    ann.want("11")
    ann.drawing.recover()
    assert np.array_equal(mask_of(ann), anns)
    ann.flush()
    assert len(ann.store.history("11")) == 2
