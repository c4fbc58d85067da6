"""Taking sides: one key a finding, until none is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubmap_viewer.deciding import Deciding
from hubmap_viewer.finding_list import FindingList
from hubmap_viewer.loading import load
from hubmap_viewer.session import Session
from hubmap_viewer.suggesting import Suggesting
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions


def at_once(
    function: Callable[[], Any], then: Callable[[Any], None], _: Callable[[BaseException], None]
) -> None:
    then(function())


@pytest.fixture
def session(cohort_folder: Path, tmp_path: Path) -> Iterator[Session]:
    """Case 11: truth has two units, the prediction one of them and one that is not there."""
    made = Predictions.create(tmp_path / "drawn", {"ensemble": "drawn", "fingerprint": "f"})
    rows, columns = np.ogrid[:300, :400]
    found = np.zeros((300, 400), np.uint8)
    found[(rows - 100) ** 2 + (columns - 100) ** 2 < 50**2] = 255
    found[(rows - 60) ** 2 + (columns - 330) ** 2 < 30**2] = 200
    made.write(Prediction("11", found, np.zeros_like(found), (300, 400)))
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(Cohort.open(cohort_folder))
    session.use_predictions(made)
    yield session
    session.close()


@pytest.fixture
def findings(session: Session) -> FindingList:
    return FindingList(session, at_once)


@pytest.fixture
def deciding(session: Session, findings: FindingList) -> Deciding:
    deciding = Deciding(session, findings, Suggesting(session, at_once), lambda act: act())
    session.want("11")
    return deciding


def mask_of(session: Session) -> np.ndarray:
    assert session.open is not None
    return session.open.curated


def side(session: Session, name: str) -> np.ndarray:
    assert session.open is not None
    mask = session.open.side(name)
    assert mask is not None
    return mask


def test_sides_are_taken_one_by_one_and_the_counter_runs_down(
    session: Session, findings: FindingList, deciding: Deciding
) -> None:
    truth, prediction = side(session, "truth"), side(session, "prediction")
    assert [one.kind for one in findings.all] == ["missed", "spurious"]
    findings.step(1)
    deciding.take("prediction")
    missed = findings.all[0].box
    assert not mask_of(session)[missed[0] : missed[2], missed[1] : missed[3]].any()
    assert deciding.left() == 1
    assert findings.here is findings.all[1]
    deciding.take("prediction")
    assert np.array_equal(mask_of(session), prediction)
    assert deciding.left() == 0
    assert findings.here is None
    session.drawing.undo()
    session.drawing.undo()
    assert np.array_equal(mask_of(session), truth)


def test_a_finding_that_is_left_changes_nothing_and_is_settled(
    session: Session, findings: FindingList, deciding: Deciding
) -> None:
    before = mask_of(session).copy()
    findings.step(1)
    deciding.leave()
    assert np.array_equal(mask_of(session), before)
    assert [deciding.is_decided(one) for one in findings.all] == [True, False]


def test_clearing_empties_the_finding_and_no_more(
    session: Session, findings: FindingList, deciding: Deciding
) -> None:
    findings.step(1)
    deciding.take("nothing")
    assert mask_of(session)[100, 100] == 1
    assert mask_of(session)[200, 300] == 0


def test_without_a_finding_the_whole_case_takes_a_side(
    session: Session, deciding: Deciding
) -> None:
    deciding.take("nothing")
    assert not mask_of(session).any()


def test_what_was_settled_is_remembered_when_the_case_opens_again(
    session: Session, findings: FindingList, deciding: Deciding
) -> None:
    findings.step(1)
    deciding.leave()
    session.want("12")
    session.want("11")
    assert deciding.left() == 1


def test_all_that_is_suggested_is_taken_and_undone_as_one_edit(
    session: Session, findings: FindingList, deciding: Deciding
) -> None:
    truth = side(session, "truth").copy()
    # sure of the ground where truth has a unit alone, but not of its own unit
    assert [deciding.suggesting.side(one) for one in findings.all] == ["prediction", "truth"]
    words: list[str] = []
    session.told.connect(lambda message: words.append(str(message)))

    deciding.take_suggested()

    assert np.array_equal(mask_of(session), truth & side(session, "prediction"))
    assert deciding.left() == 0
    assert any("1 truth, 1 prediction" in word for word in words)
    session.drawing.undo()
    assert np.array_equal(mask_of(session), truth)
    assert deciding.left() == 2
    session.drawing.redo()
    assert deciding.left() == 0


def test_what_is_settled_already_stays_when_the_rest_is_as_suggested(
    session: Session, findings: FindingList, deciding: Deciding
) -> None:
    truth = side(session, "truth").copy()
    findings.step(1)
    deciding.leave()

    deciding.take_suggested()

    assert np.array_equal(mask_of(session), truth)
    assert deciding.left() == 0
    session.drawing.undo()
    assert [deciding.is_decided(one) for one in findings.all] == [True, False]


def test_without_a_prediction_nothing_is_suggested(session: Session, deciding: Deciding) -> None:
    words: list[str] = []
    session.told.connect(lambda message: words.append(str(message)))
    session.want("12")

    deciding.take_suggested()

    assert any("needs both a truth and a prediction" in word for word in words)


def test_the_suggestion_follows_the_prediction_s_mask(
    session: Session, findings: FindingList, deciding: Deciding
) -> None:
    assert len(findings.all) == 2
    session.try_thresholds({"kidney": 0.9})
    assert session.open is not None
    assert len(findings.all) == 1
    assert deciding.suggesting.mask is not None
    assert deciding.suggesting.side(findings.all[0]) == "prediction"


def test_what_was_settled_outlasts_the_window(
    session: Session, findings: FindingList, deciding: Deciding, cohort_folder: Path
) -> None:
    before = mask_of(session).copy()
    findings.step(1)
    deciding.leave()
    deciding.take("truth")
    predictions = session.predictions
    assert predictions is not None
    session.close()

    again = Session()
    again.case_wanted.connect(lambda case_id: again.put(load(again.sources, case_id)))
    found = FindingList(again, at_once)
    later = Deciding(again, found, Suggesting(again, at_once), lambda act: act())
    again.open_cohort(Cohort.open(cohort_folder))
    again.use_predictions(predictions)
    again.want("11")

    assert later.left() == 0
    assert np.array_equal(mask_of(again), before)
    assert again.status("11") == "in work"
    assert again.open is not None and again.open.origin == "truth"
    again.drawing.undo()
    assert [later.is_decided(one) for one in found.all] == [True, False]
    again.close()


def test_a_finding_that_is_left_takes_no_acceptance_back(
    session: Session, findings: FindingList, deciding: Deciding
) -> None:
    session.judge("accepted")
    findings.step(1)
    deciding.leave()
    assert session.status("11") == "accepted"
    deciding.take("prediction")
    assert session.status("11") == "in work"


def test_a_side_that_is_not_there_is_told(session: Session, deciding: Deciding) -> None:
    words: list[str] = []
    session.told.connect(lambda message: words.append(str(message)))
    session.want("12")
    deciding.take("prediction")
    assert any("no prediction" in word for word in words)


def test_the_view_goes_on_only_when_the_change_is_drawn(
    session: Session, findings: FindingList
) -> None:
    waiting: list[Callable[[], None]] = []
    deciding = Deciding(session, findings, Suggesting(session, at_once), waiting.append)
    session.want("11")
    findings.step(1)
    first, second = findings.all
    deciding.take("prediction")
    assert deciding.is_decided(first)
    assert findings.here is first
    waiting.pop()()
    assert findings.here is second


def test_a_key_pressed_before_the_view_went_on_is_for_the_next_finding(
    session: Session, findings: FindingList
) -> None:
    deciding = Deciding(session, findings, Suggesting(session, at_once), lambda act: None)
    session.want("11")
    findings.step(1)
    deciding.take("prediction")
    deciding.take("prediction")
    assert deciding.left() == 0
    assert np.array_equal(mask_of(session), side(session, "prediction"))


def test_who_went_elsewhere_before_the_view_went_on_stays_there(
    session: Session, findings: FindingList
) -> None:
    waiting: list[Callable[[], None]] = []
    deciding = Deciding(session, findings, Suggesting(session, at_once), waiting.append)
    session.want("11")
    findings.step(1)
    deciding.take("prediction")
    findings.choose(0)
    waiting.pop()()
    assert findings.at == 0
