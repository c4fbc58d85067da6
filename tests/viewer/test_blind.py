"""A case drawn blind: what is hidden, what is kept, and what it is never mixed with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from viewer.reviewed import LABELLED, LUNGS, SIZE, SPLEENS, opened, predicted, words_told, write

from hubmap_viewer.blind import SecondLook, compare
from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from hubmap_viewer.unfinished import place
from trainer.data.store import Store

FIRST = (LABELLED[0].id, LUNGS[0].id, LUNGS[1].id)
"""Reviewed; the first has a truth as well, and all have a prediction."""
ELSEWHERE = SPLEENS[0].id


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cohort"


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    """Three lungs are reviewed, with a mask of the reviewer's own."""
    predictions = write(folder, [predicted(case) for case in (*LABELLED, *LUNGS, *SPLEENS)])
    session = opened(folder, predictions)
    for case_id in FIRST:
        session.want(case_id)
        draw(session, slice(10, 30))
        session.judge("accepted")
    session.want(ELSEWHERE)
    assert session.flush()
    session.reread_reviews()
    yield session
    session.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def look(session: Session, clock: Clock) -> SecondLook:
    """A round of the three has begun, and the first is open."""
    model = SecondLook(session, clock)
    model.begin(3, seed=1)
    return model


def draw(session: Session, rows: slice) -> None:
    assert session.open is not None
    session.open.curated[:] = 0
    session.open.curated[rows] = 1
    session.drawing.painted("paint")


def in_hand(look: SecondLook) -> str:
    assert look.round is not None
    assert look.round.case_id is not None
    return look.round.case_id


def history(session: Session, case_id: str) -> list[str]:
    assert session.store is not None
    assert session.flush()
    return [revision.tool for revision in session.store.history(case_id)]


# -- hidden ---------------------------------------------------------------------------------


def test_only_the_image_is_there(session: Session, look: SecondLook) -> None:
    for _ in FIRST:
        here = session.open
        assert here is not None
        assert here.id == in_hand(look)
        assert not here.curated.any()
        for side in ("truth", "prediction", "second"):
            assert here.side(side) is None
        assert here.scores == Scores()
        assert here.id not in session.scores
        look.skip()


def test_scores_that_come_meanwhile_wait(session: Session, look: SecondLook) -> None:
    case_id = in_hand(look)
    session.put_scores(case_id, Scores(prediction=0.5))
    session.put_many_scores({case_id: Scores(prediction=0.6), ELSEWHERE: Scores(prediction=0.7)})
    assert case_id not in session.scores
    assert session.scores[ELSEWHERE].prediction == 0.7
    look.stop()
    assert session.scores[case_id].prediction == 0.6


def test_a_prediction_that_comes_meanwhile_stays_hidden(session: Session, look: SecondLook) -> None:
    session.put_prediction(in_hand(look), None, None)
    before = session.open
    assert before is not None
    session.try_thresholds({"lung": 0.1})
    assert before.predicted is None


# -- never a revision -----------------------------------------------------------------------


def test_what_is_drawn_is_a_look_and_no_revision(
    session: Session, look: SecondLook, clock: Clock
) -> None:
    case_id = in_hand(look)
    before = history(session, case_id)
    draw(session, slice(10, 20))
    clock.now += 42
    look.done()
    assert session.store is not None
    (kept,) = session.store.looks.of(case_id)
    assert kept.seconds == 42
    assert session.store.mask(session.reviews[case_id])[10:30].all()
    assert session.store.looks.mask(kept)[10:20].all()
    assert not session.store.looks.mask(kept)[20:].any()
    assert history(session, case_id) == before
    assert in_hand(look) != case_id


def test_a_verdict_is_refused_while_it_is_blind(session: Session, look: SecondLook) -> None:
    told = words_told(session)
    case_id = in_hand(look)
    before = history(session, case_id)
    session.judge("rejected")
    assert history(session, case_id) == before
    assert any("drawn blind" in words for words in told)


def test_undo_knows_the_blind_strokes_only(session: Session, look: SecondLook) -> None:
    draw(session, slice(10, 20))
    session.drawing.undo()
    assert session.open is not None
    assert not session.open.curated.any()
    session.drawing.undo()
    assert not session.open.curated.any()


def test_an_empty_drawing_at_once_is_no_look(session: Session, look: SecondLook) -> None:
    case_id = in_hand(look)
    look.done()
    assert in_hand(look) == case_id
    assert session.store is not None
    assert session.store.looks.all() == []


def test_the_last_one_ends_the_round(session: Session, look: SecondLook, folder: Path) -> None:
    for _ in range(2):
        draw(session, slice(10, 20))
        look.done()
    last = in_hand(look)
    look.skip()
    assert look.progress() == "All 3 looked at, 1 skipped."
    assert session.open is not None
    assert session.open.id == last
    assert session.open.curated[10:30].all()
    assert not place(folder).exists()


# -- nothing lost ---------------------------------------------------------------------------


def test_leaving_keeps_the_drawing_and_the_time(
    session: Session, look: SecondLook, clock: Clock
) -> None:
    case_id = in_hand(look)
    draw(session, slice(10, 20))
    clock.now += 5
    session.want(ELSEWHERE)
    assert session.open is not None
    assert not session.open.blind
    assert session.open.curated.any()
    assert look.waits
    clock.now += 1000
    look.resume()
    assert session.open.id == case_id
    assert session.open.blind
    assert session.open.curated[10:20].all()
    assert look.seconds == 5


def test_opening_the_case_once_more_changes_nothing(session: Session, look: SecondLook) -> None:
    opened_again: list[None] = []
    draw(session, slice(10, 20))
    session.case_opened.connect(lambda: opened_again.append(None))
    session.want(in_hand(look))
    assert opened_again
    assert session.open is not None
    assert session.open.blind
    assert session.open.curated[10:20].all()


def test_closing_keeps_the_drawing(
    session: Session, look: SecondLook, clock: Clock, folder: Path
) -> None:
    case_id = in_hand(look)
    draw(session, slice(10, 20))
    clock.now += 7
    session.close()
    again = opened(folder)
    later = SecondLook(again)
    assert later.progress() == f"Look 1 of 3: case {case_id}"
    later.resume()
    assert again.open is not None
    assert again.open.curated[10:20].all()
    assert again.open.side("truth") is None
    assert later.seconds >= 7
    later.done()
    assert again.store is not None
    assert len(again.store.looks.of(case_id)) == 1
    again.close()


def test_what_is_written_down_in_between_survives_a_crash(
    session: Session, look: SecondLook, folder: Path
) -> None:
    draw(session, slice(10, 20))
    look.keep()
    crashed = opened(folder)
    later = SecondLook(crashed)
    assert later.round is not None
    mask = later.round.mask()
    assert mask is not None
    assert mask[10:20].all()
    crashed.close()


def test_a_case_with_a_drawing_in_hand_opens_blind_only(session: Session, look: SecondLook) -> None:
    case_id = in_hand(look)
    draw(session, slice(10, 20))
    look.stop()
    assert session.open is not None
    assert session.open.id == ELSEWHERE
    session.want(case_id)
    assert session.open.blind
    assert session.open.curated[10:20].all()
    look.stop()
    look.end()
    session.want(case_id)
    assert not session.open.blind
    assert session.open.curated[10:30].all()


def test_a_damaged_file_is_told(session: Session, look: SecondLook, folder: Path) -> None:
    session.close()
    place(folder).write_text("{", encoding="utf-8")
    again = opened(folder)
    told = words_told(again)
    assert SecondLook(again).round is None
    assert any("is not a round of second looks" in words for words in told)
    again.close()


# -- who can be drawn -----------------------------------------------------------------------


def test_only_what_a_person_reviewed_is_drawn(session: Session) -> None:
    model = SecondLook(session)
    assert model.eligible() == {"lung": 3}
    assert model.why_not(()) == ""
    assert "first one" in model.why_not(("spleen",))
    model.begin(2, ("lung",), seed=3)
    assert model.round is not None
    assert len(model.round.drawn) == 2
    assert set(model.round.drawn) <= set(FIRST)


def test_agreement_compares_with_what_was_there(
    session: Session, look: SecondLook, clock: Clock
) -> None:
    draw(session, slice(10, 20))
    clock.now += 9
    look.done()
    rows, problems = compare(session)()
    assert problems == []
    lung = next(row for row in rows if row.organ == "lung")
    assert lung.intra is not None
    assert lung.intra.mean == pytest.approx(2 * 10 / 30)
    assert lung.inter is None


def test_a_look_stands_beside_a_later_review(session: Session, look: SecondLook) -> None:
    """What is compared with is the revision of when the look began."""
    case_id = in_hand(look)
    draw(session, slice(10, 20))
    look.stop()
    assert session.store is not None
    first = session.reviews[case_id].id
    other = Store.for_cohort(session.sources.cohort.folder)
    other.add(case_id, np.ones(SIZE, np.uint8), tool="paint", status="accepted", author="else")
    other.close()
    session.reread_reviews()
    look.resume()
    look.done()
    (kept,) = session.store.looks.of(case_id)
    assert kept.revision_id == first
