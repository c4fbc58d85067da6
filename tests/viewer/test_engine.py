"""The predicting process, asked without a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hubmap_viewer.engine import Engine
from trainer.data.cohort import Cohort
from trainer.data.opinions import KeptOpinions
from trainer.errors import Cancelled, TrainerError
from trainer.locate import resource
from trainer.predict.messages import Request
from trainer.settings import DenseCrf, read_ensemble


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One process for all: it takes seconds to start."""
    engine = Engine()
    yield engine
    engine.close()


def test_a_listener_that_leaves_does_not_disturb_the_next(engine: Engine, tmp_path: Path) -> None:
    from hubmap_viewer.demo import demo_cohort

    cohort = demo_cohort(tmp_path / "demo")
    ids = [path.stem for path in sorted((cohort / "train_images").iterdir())]
    ensemble = resource("demo/ensemble/ensemble.yaml")
    everything = Request(want="predict", cohort=cohort, ensemble=ensemble, cases=tuple(ids))
    replies = engine.predict(everything, lambda: False)
    folder = next(reply.folder for reply in replies if reply.folder)
    next(replies)
    replies.close()  # type: ignore[attr-defined]

    one = Request(want="predict", cohort=cohort, ensemble=ensemble, cases=(ids[-1],))
    answers = list(engine.predict(one, lambda: False))
    assert {reply.case_id for reply in answers if reply.kind == "step"} == {ids[-1]}
    assert len(list(folder.glob("*.npz"))) < len(ids)


def test_members_are_told_as_they_arrive_and_can_be_looked_at(
    engine: Engine, tmp_path: Path
) -> None:
    from hubmap_viewer.demo import demo_cohort

    cohort = demo_cohort(tmp_path / "demo")
    path = resource("demo/ensemble/ensemble.yaml")
    wish = Request(want="predict", cohort=cohort, ensemble=path, cases=("3721",), keep_members=True)
    replies = list(engine.predict(wish, lambda: False))
    folder = next(reply.folder for reply in replies if reply.folder)
    members = [member.weights for member in read_ensemble(path).members]
    assert [reply.member for reply in replies if reply.member] == members
    assert [reply.case_id for reply in replies if reply.kept] == ["3721"]
    opinions = KeptOpinions(folder).read("3721")
    assert opinions is not None
    assert list(opinions.names.values()) == members

    again = list(engine.predict(wish, lambda: False))
    assert [reply.case_id for reply in again if reply.kept] == ["3721"]
    assert not [reply for reply in again if reply.member]


def test_a_probability_is_refined_by_the_dense_crf_as_here(
    engine: Engine, cohort_folder: Path
) -> None:
    from trainer.predict.crf import refine_levels

    levels = np.random.default_rng(0).integers(0, 256, (60, 80), np.uint8)
    crf, csv = DenseCrf(place_sigma=12.0), cohort_folder / "train.csv"
    there = engine.refine(csv, "11", levels, crf, lambda: False)
    assert there.dtype == np.uint8
    image = Cohort.open(cohort_folder).image("11")
    assert np.array_equal(there, refine_levels(levels, image, crf))
    with pytest.raises(Cancelled):
        engine.refine(csv, "11", levels, crf, lambda: True)


def test_the_best_device_comes_first_and_the_cpu_is_always_there(engine: Engine) -> None:
    devices = engine.devices()
    assert list(devices)[-1] == "cpu"
    assert all(devices.values())


def test_a_request_that_fails_is_told_and_the_process_lives(engine: Engine, tmp_path: Path) -> None:
    wrong = Request(want="predict", cohort=tmp_path, ensemble=tmp_path / "no.yaml", cases=("1",))
    with pytest.raises(TrainerError, match=r"train\.csv"):
        list(engine.predict(wrong, lambda: False))
    process = engine._process
    assert "cpu" in engine.devices()
    assert engine._process is process
