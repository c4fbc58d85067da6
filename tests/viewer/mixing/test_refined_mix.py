"""A mix that the dense CRF refines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubmap_viewer.loading import load
from hubmap_viewer.member_words import state
from hubmap_viewer.members import Members
from hubmap_viewer.mix import mix
from hubmap_viewer.session import Session
from mixing_bench import Bench, call, listed, shown
from trainer.data.predictions import Predictions
from trainer.predict.postprocess import to_mask

CRF = {"crf": {"place_sigma": 12.0, "colour_sigma": 20.0}}


@pytest.fixture
def refined(cohort_folder: Path, session: Session) -> Bench:
    """All cases predicted with a dense CRF of the kidney's; the first one is to be opened."""
    bench = Bench(cohort_folder, postprocess={"kidney": CRF})
    bench.predict(bench.file, bench.out)
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    return bench


def opened(model: Members, bench: Bench, case_id: str = "11") -> Members:
    model.session.use_predictions(Predictions.open(bench.out))
    model.session.want(case_id)
    return model


def test_a_mix_at_rest_is_refined_by_the_dense_crf_as_predict_does_it(
    refined: Bench, session: Session, tmp_path: Path
) -> None:
    model = opened(listed(session), refined)
    assert model.refined is None
    model.weigh(1, 9.0)
    assert model.refined
    assert state(model).endswith(" The dense CRF has refined it.")
    tried = shown(model)
    raw = mix(
        refined.panel, model.tried.settings, refined.opinions("11"), refined.cohort.cases["11"]
    ).prediction
    assert raw is not None
    assert not np.array_equal(tried.probability, raw.probability)
    model.write()
    made = refined.predict(refined.file, tmp_path / "out")["11"]
    assert np.array_equal(tried.probability, made.probability)
    here = session.open
    assert here is not None
    assert here.predicted is not None
    assert np.array_equal(
        here.predicted.mask, to_mask(made, session.sources.point_for(here.loaded.case))
    )
    session.want("31")
    assert model.refined is None
    assert "CRF" not in state(model)


def test_the_mix_is_there_at_once_and_only_the_newest_is_refined(
    refined: Bench, session: Session
) -> None:
    waiting: list[Callable[[], None]] = []

    def later(function: Callable[[], Any], then: Callable[[Any], None], failed: Any) -> None:
        waiting.append(lambda: call(function, then, failed))

    model = opened(listed(session, later), refined)
    model.weigh(1, 9.0)
    assert state(model).endswith(" The dense CRF is still to come.")
    model.weigh(1, 3.0)
    newest = shown(model)
    first, second = waiting
    first()
    assert shown(model) is newest
    second()
    assert model.refined
    assert not np.array_equal(shown(model).probability, newest.probability)
    model.weigh(1, 4.0)
    session.want("12")
    other = shown(model)
    waiting[-2]()
    assert shown(model) is other


def test_what_was_refined_too_late_is_not_shown(refined: Bench, session: Session) -> None:
    ready: list[Callable[[], None]] = []

    def told_late(function: Callable[[], Any], then: Callable[[Any], None], failed: Any) -> None:
        call(function, lambda made: ready.append(lambda: then(made)), failed)

    model = opened(listed(session, told_late), refined)
    model.weigh(1, 9.0)
    model.reset()
    kept = shown(model)
    (late,) = ready
    late()
    assert shown(model) is kept
    assert model.refined is None


def test_a_crf_that_fails_is_told_and_the_mix_stays(
    refined: Bench, session: Session, cohort_folder: Path
) -> None:
    model = opened(listed(session), refined)
    (cohort_folder / "train_images" / "11.tiff").unlink()
    model.weigh(1, 9.0)
    assert "11.tiff" in model.problem
    assert model.refined is False
