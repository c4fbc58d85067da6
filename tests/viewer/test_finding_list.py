"""Findings of the open case, one after the other, and the causes they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubmap_viewer.finding_list import FindingList
from hubmap_viewer.loading import load
from hubmap_viewer.session import Session
from hubmap_viewer.tagging import Tagging
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.metrics import dice


def at_once(
    function: Callable[[], Any], then: Callable[[Any], None], _: Callable[[BaseException], None]
) -> None:
    then(function())


class Later:
    """Calls when the test says so."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def __call__(
        self, function: Callable[[], Any], then: Callable[[Any], None], _: Callable[..., None]
    ) -> None:
        self.calls.append(lambda: then(function()))

    def go(self) -> None:
        self.calls.pop(0)()


def predictions(folder: Path) -> Predictions:
    """Of case 11 one of two units and one that is not there; of 12 the unit as it is."""
    made = Predictions.create(folder, {"ensemble": "drawn", "fingerprint": folder.name})
    found = np.zeros((300, 400), np.uint8)
    rows, columns = np.ogrid[:300, :400]
    found[(rows - 100) ** 2 + (columns - 100) ** 2 < 50**2] = 255
    found[(rows - 60) ** 2 + (columns - 330) ** 2 < 30**2] = 200
    made.write(Prediction("11", found, np.zeros_like(found), (300, 400)))
    same = np.where((rows - 150) ** 2 + (columns - 200) ** 2 < 70**2, 255, 0).astype(np.uint8)
    made.write(Prediction("12", same, np.zeros_like(same), (300, 400)))
    return made


@pytest.fixture
def session(cohort_folder: Path) -> Iterator[Session]:
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(Cohort.open(cohort_folder))
    session.use_predictions(predictions(cohort_folder / "predictions" / "drawn"))
    yield session
    session.close()


def test_findings_are_of_truth_and_prediction_largest_loss_first(session: Session) -> None:
    findings = FindingList(session, at_once)
    session.want("11")
    assert session.open is not None
    assert session.open.predicted is not None
    assert findings.pair == ("truth", "prediction")
    assert [one.kind for one in findings.all] == ["missed", "spurious"]
    lost = 1 - dice(session.open.side("truth"), session.open.predicted.mask)  # type: ignore[arg-type]
    assert sum(one.loss for one in findings.all) == pytest.approx(lost)
    assert findings.all[1].confidence == pytest.approx(200 / 255, abs=0.02)


def test_one_step_goes_to_each_and_the_ends_are_told(session: Session) -> None:
    findings = FindingList(session, at_once)
    told: list[str] = []
    went: list[str] = []
    session.told.connect(told.append)
    session.want("11")
    findings.chosen.connect(lambda one: went.append(one.kind) if one else None)
    findings.step(1)
    findings.step(1)
    findings.step(1)
    findings.step(-1)
    assert went == ["missed", "spurious", "missed"]
    assert told == ["This is the last of 2 findings."]
    session.want("12")
    findings.step(1)
    assert told[-1] == "Truth and prediction are the same."


def test_without_truth_the_curated_mask_is_compared(session: Session) -> None:
    findings = FindingList(session, at_once)
    session.want("31")
    assert findings.pair is None
    assert findings.nothing().startswith("There are no two masks to compare")
    findings.compare(("truth", "curated"))
    session.want("11")
    assert session.open is not None
    assert findings.pair == ("truth", "curated")
    assert findings.all == []
    session.open.curated[250:290, 20:60] = 1
    session.drawing.painted("paint")
    assert [one.kind for one in findings.all] == ["spurious"]
    assert findings.all[0].box == (250, 20, 290, 60)


def test_an_answer_for_another_case_is_not_shown(session: Session) -> None:
    later = Later()
    findings = FindingList(session, later)
    session.want("11")
    assert findings.busy
    session.want("12")
    later.go()
    assert findings.all == []
    assert findings.busy
    later.go()
    assert findings.all == []
    assert not findings.busy
    assert later.calls == []


def test_the_finding_at_hand_stays_when_the_list_is_made_anew(session: Session) -> None:
    findings = FindingList(session, at_once)
    session.want("11")
    findings.choose(1)
    session.try_thresholds({"kidney": 0.6})
    assert findings.here is not None
    assert findings.here.kind == "spurious"


def test_a_cause_is_kept_and_can_be_taken_back(session: Session, cohort_folder: Path) -> None:
    findings, tags = FindingList(session, at_once), Tagging(session, at_once)
    session.want("11")
    spot = findings.spot(findings.all[0])
    tags.add("11", "stain", "pale", spot)
    tags.add("11", "artefact")
    assert session.settled["11"] == 1
    again = Session()
    reread = Tagging(again, at_once)
    again.open_cohort(Cohort.open(cohort_folder))
    assert [(tag.cause, tag.note) for tag in reread.on("11", spot)] == [("stain", "pale")]
    assert [tag.cause for tag in reread.on("11", None)] == ["artefact"]
    reread.withdraw(reread.of("11")[0])
    assert [tag.cause for tag in reread.of("11")] == ["artefact"]
    assert again.settled["11"] == 0
    again.close()
