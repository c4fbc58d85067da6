"""What is drawn outlives its window: undo goes on, lost strokes are offered, two do not fight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from crashed import as_after_a_crash

from cohorts import TRAIN
from hubmap_viewer.loading import load
from hubmap_viewer.recovery import lost_cases
from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort
from trainer.data.store import Journal, Store

Open = Callable[[], Session]


@pytest.fixture
def opened(cohort_folder: Path) -> Iterator[Open]:
    """Opens a session on the tiny cohort as a new window does; all are closed at the end."""
    sessions: list[Session] = []

    def open_it() -> Session:
        session = Session()
        session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
        session.open_cohort(Cohort.open(cohort_folder))
        sessions.append(session)
        return session

    yield open_it
    for session in sessions:
        session.close()


def paint(session: Session, row: int) -> None:
    assert session.open is not None
    session.open.curated[row : row + 5] ^= 1
    session.drawing.painted("paint")


def mask_of(session: Session) -> np.ndarray:
    assert session.open is not None
    return session.open.curated


def test_undo_and_redo_go_on_after_a_restart(opened: Open) -> None:
    first = opened()
    first.want("11")
    for row in (0, 50, 100):
        paint(first, row)
    drawn = mask_of(first).copy()
    first.drawing.undo()
    one_back = mask_of(first).copy()
    first.close()

    second = opened()
    second.want("11")
    assert np.array_equal(mask_of(second), one_back)
    second.drawing.redo()
    assert np.array_equal(mask_of(second), drawn)
    for _ in range(3):
        second.drawing.undo()
    assert np.array_equal(mask_of(second), TRAIN[0].mask)


def test_strokes_of_both_windows_can_be_undone_in_the_third(opened: Open) -> None:
    for row in (0, 50):
        session = opened()
        session.want("11")
        paint(session, row)
        session.close()
    session = opened()
    session.want("11")
    session.drawing.undo()
    session.drawing.undo()
    assert np.array_equal(mask_of(session), TRAIN[0].mask)


def test_lost_strokes_are_told_and_recovered_only_when_the_user_says_so(
    opened: Open, cohort_folder: Path
) -> None:
    drawn = as_after_a_crash(cohort_folder)
    session = opened()
    assert session.store is not None
    assert session.sources.journal is not None
    assert lost_cases(session.sources.journal, session.store) == ["11"]
    session.want("11")
    assert session.open is not None
    assert session.open.lost is not None
    assert session.open.lost.strokes == 2
    assert np.array_equal(session.open.lost.mask, drawn)
    assert not np.array_equal(mask_of(session), drawn)
    assert not session.drawing.may_draw

    session.drawing.recover()
    assert np.array_equal(mask_of(session), drawn)
    assert session.drawing.may_draw
    assert session.flush()
    for _ in range(3):
        session.drawing.undo()
    assert np.array_equal(mask_of(session), TRAIN[0].mask)
    session.close()
    store = Store.for_cohort(cohort_folder)
    assert lost_cases(Journal(cohort_folder), store) == []
    assert "recover" in [one.tool for one in store.history("11")]
    store.close()


def test_lost_strokes_are_offered_again_when_the_case_is_left_undecided(
    opened: Open, cohort_folder: Path
) -> None:
    drawn = as_after_a_crash(cohort_folder)
    session = opened()
    session.want("11")
    session.want("12")
    session.want("11")
    assert session.open is not None
    assert session.open.lost is not None
    session.drawing.recover()
    assert np.array_equal(mask_of(session), drawn)


def test_discarded_strokes_are_not_offered_again_and_stay_in_the_journal(
    opened: Open, cohort_folder: Path
) -> None:
    as_after_a_crash(cohort_folder)
    session = opened()
    session.want("11")
    before = mask_of(session).copy()
    session.drawing.discard()
    assert session.drawing.may_draw
    assert np.array_equal(mask_of(session), before)
    paint(session, 200)
    session.drawing.undo()
    assert np.array_equal(mask_of(session), before)
    session.close()
    store = Store.for_cohort(cohort_folder)
    assert lost_cases(Journal(cohort_folder), store) == []
    assert len(Journal(cohort_folder).strokes("11")) == 5
    store.close()


def test_the_second_window_is_told_and_can_only_look(opened: Open) -> None:
    first = opened()
    first.want("11")
    second = opened()
    words: list[str] = []
    second.told.connect(lambda message: words.append(str(message)))
    second.want("11")
    assert second.held is not None
    assert second.open is not None
    assert not second.drawing.may_draw
    second.drawing.take("nothing")
    second.judge("accepted")
    assert any("can only look" in word for word in words)
    assert np.array_equal(mask_of(second), TRAIN[0].mask)
    first.flush()
    assert first.store is not None
    assert first.store.latest("11") is None

    first.close()
    third = opened()
    third.want("11")
    assert third.drawing.may_draw


@pytest.mark.parametrize(
    ("acts", "origin"),
    [
        (["accepted"], "truth"),
        (["paint", "accepted"], "redrawn"),
        (["nothing", "paint"], "redrawn"),
        (["paint", "undo", "accepted"], "truth"),
        (["paint", "truth", "accepted"], "truth"),
    ],
)
def test_a_revision_tells_what_its_mask_is_worth(
    opened: Open, acts: list[str], origin: str
) -> None:
    session = opened()
    session.want("11")
    for act in acts:
        if act == "paint":
            paint(session, 10)
        elif act == "undo":
            session.drawing.undo()
        elif act == "accepted":
            session.judge("accepted")
        else:
            session.drawing.take(act)
    session.flush()
    assert session.store is not None
    revision = session.store.latest("11")
    assert revision is not None
    assert revision.origin == origin


def test_a_reason_and_a_note_are_kept_with_the_verdict(opened: Open) -> None:
    session = opened()
    session.want("11")
    session.judge("rejected", "the capsule is missing", "mislabelled")
    session.flush()
    assert session.store is not None
    revision = session.store.latest("11")
    assert revision is not None
    assert (revision.status, revision.reason) == ("rejected", "mislabelled")
    assert revision.note == "the capsule is missing"


def test_an_older_mask_comes_back_as_a_new_revision_that_can_be_undone(opened: Open) -> None:
    session = opened()
    session.want("11")
    paint(session, 0)
    session.flush()
    assert session.store is not None
    old = session.store.latest("11")
    assert old is not None
    paint(session, 50)
    newer = mask_of(session).copy()
    session.drawing.restore(session.store.mask(old), old)
    session.flush()
    last = session.store.latest("11")
    assert last is not None
    assert (last.tool, last.parameters) == ("restore", {"revision": old.id})
    assert np.array_equal(session.store.mask(last), session.store.mask(old))
    session.drawing.undo()
    assert np.array_equal(mask_of(session), newer)
