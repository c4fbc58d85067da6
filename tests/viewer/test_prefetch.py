"""The next case is ready, it is the right one, and never an old one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cohorts import TRAIN
from hubmap_viewer.prefetch import Prefetch
from hubmap_viewer.session import Session
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import TrainerError


class Background:
    """Calls that wait until they are let go, as a slow disk's would."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Any], Callable[[Any], None], Any]] = []
        self.loaded = 0

    def __call__(
        self, function: Callable[[], Any], then: Callable[[Any], None], failed: Any
    ) -> None:
        self.waiting.append((function, then, failed))

    def run(self) -> None:
        """Let go what waits, and what comes of it."""
        while self.waiting:
            function, then, failed = self.waiting.pop(0)
            self.loaded += 1
            try:
                result = function()
            except TrainerError as error:
                failed(error)
            else:
                then(result)


@pytest.fixture
def background() -> Background:
    return Background()


@pytest.fixture
def ahead(session: Session, background: Background) -> Prefetch:
    """The first case open, the second one ready."""
    ahead = Prefetch(session, background)
    session.case_wanted.connect(lambda case_id: ahead.load(case_id, session.put, pytest.fail))
    session.want("11")
    background.run()
    assert session.open is not None
    assert ahead.ready == "12"
    return ahead


def opened(session: Session) -> str:
    assert session.open is not None
    return session.open.id


def test_the_next_case_opens_without_waiting(
    session: Session, ahead: Prefetch, background: Background
) -> None:
    session.step(1)
    assert opened(session) == "12", "nothing was let go: it was there"
    background.run()
    assert ahead.ready == "21"
    assert background.loaded == 3, "no case twice"


def test_who_goes_back_has_the_case_before(
    session: Session, ahead: Prefetch, background: Background
) -> None:
    session.want("22")
    background.run()
    session.want("21")
    background.run()
    assert ahead.ready == "12"


def test_a_case_that_is_under_way_is_not_loaded_twice(
    session: Session, ahead: Prefetch, background: Background
) -> None:
    session.step(1)
    session.step(1)
    assert opened(session) == "12"
    assert len(background.waiting) == 1
    background.run()
    assert opened(session) == "21"


def test_one_that_was_left_meanwhile_does_not_open(
    session: Session, ahead: Prefetch, background: Background
) -> None:
    session.step(1)
    session.step(1)
    session.want("11")
    background.run()
    assert opened(session) == "11"
    assert ahead.ready == "12", "at an end of the queue there is one way only"


@pytest.mark.parametrize("change", ["predictions", "thresholds", "prediction", "revision"])
def test_what_changed_is_loaded_anew(
    session: Session, ahead: Prefetch, background: Background, tmp_path: Path, change: str
) -> None:
    case = TRAIN[1]
    predictions = Predictions.create(tmp_path / "p", {"name": "e", "fingerprint": "f"})
    whole = np.full((64, 64), 255, np.uint8)
    there = Prediction(case.id, whole, whole * 0, case.shape, False)
    if change == "prediction":
        session.use_predictions(predictions)
        background.run()
    predictions.write(there)
    if change == "predictions":
        session.use_predictions(predictions)
    elif change == "thresholds":
        session.try_thresholds({"kidney": 0.9})
    elif change == "prediction":
        ahead.forget("12")
    else:
        assert session.store is not None
        session.store.add("12", case.mask * 0, tool="paint")
        session.reviews = session.store.latest_all()
    session.step(1)
    assert opened(session) == "11", "the one that was ready is old"
    background.run()
    here = session.open
    assert here is not None
    assert here.id == "12"
    if change.startswith("prediction"):
        assert here.predicted is not None
    elif change == "revision":
        assert not here.curated.any()


def test_an_order_of_the_queue_decides_what_is_next(
    session: Session, ahead: Prefetch, background: Background
) -> None:
    session.put_queue(("22", "11", "21", "12"))
    background.run()
    assert ahead.ready == "21"


def test_another_cohort_has_its_own(
    session: Session, ahead: Prefetch, background: Background, cohort_folder: Path
) -> None:
    session.open_cohort(Cohort.open(cohort_folder))
    assert ahead.ready is None
    session.want("12")
    background.run()
    assert opened(session) == "12"
    assert session.open is not None
    assert session.cohort is not None
    assert session.open.loaded.case is session.cohort.cases["12"]


def test_a_case_that_cannot_be_read_is_told_of_when_it_is_wanted(
    session: Session, background: Background, cohort_folder: Path
) -> None:
    failed: list[BaseException] = []
    (cohort_folder / "train_images" / "12.tiff").write_bytes(b"no image")
    ahead = Prefetch(session, background)
    session.case_wanted.connect(lambda id: ahead.load(id, session.put, failed.append))
    session.want("11")
    background.run()
    assert not failed
    session.step(1)
    background.run()
    assert len(failed) == 1
    assert opened(session) == "11"
