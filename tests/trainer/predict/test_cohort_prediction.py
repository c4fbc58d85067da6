"""A cohort's predictions, written one by one while the work goes on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from pictures import ensemble, picture
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import Cancelled, ImageError
from trainer.metrics import dice
from trainer.predict.ensemble import Predictor
from trainer.predict.networks import Networks
from trainer.predict.postprocess import to_mask
from trainer.predict.running import predict_cohort
from trainer.settings import Member

IDS = ("1", "2", "3")


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    folder = tmp_path / "cohort"
    (folder / "train_images").mkdir(parents=True)
    rows = ["id,organ,data_source,img_height,img_width,pixel_size,tissue_thickness,rle,age,sex"]
    for index, case_id in enumerate(IDS):
        image, _ = picture(100 + index, 90, seed=index)
        tifffile.imwrite(folder / "train_images" / f"{case_id}.tiff", image)
        rows.append(f"{case_id},kidney,HPA,{100 + index},90,0.4,4,,,")
    (folder / "train.csv").write_text("\n".join(rows) + "\n")
    return Cohort.open(folder)


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    return Predictions.create(tmp_path / "predictions", {"threshold": 0.5})


@pytest.fixture
def predictor(tmp_path: Path, member: Callable[..., Member]) -> Predictor:
    return Predictor(ensemble(member(), tta=("identity", "hflip")), tmp_path, "cpu")


def test_every_case_is_written_and_told(
    cohort: Cohort, predictor: Predictor, predictions: Predictions
) -> None:
    steps = list(predict_cohort(cohort, IDS, predictor, predictions))
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert {0, 0.5, 1, 1.5, 2, 2.5, 3} <= {step.done for step in steps}
    assert steps[-1].done == steps[-1].total == 3
    assert steps[0].seconds_left is None
    assert steps[-1].seconds_left == 0
    for index, case_id in enumerate(IDS):
        _, truth = picture(100 + index, 90, seed=index)
        prediction = predictions.read(case_id)
        assert prediction is not None
        assert dice(to_mask(prediction, 0.5), truth) > 0.85


def test_images_are_decoded_and_predictions_written_beside_the_networks(
    cohort: Cohort,
    predictor: Predictor,
    predictions: Predictions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy: dict[str, set[str]] = {"read": set(), "resize": set(), "write": set(), "ask": set()}

    def noted(what: str, kind: type, name: str) -> None:
        work = getattr(kind, name)

        def note(*given: object, **named: object) -> object:
            busy[what].add(threading.current_thread().name.partition("_")[0])
            return work(*given, **named)

        monkeypatch.setattr(kind, name, note)

    noted("read", Cohort, "image")
    noted("resize", Predictor, "prepare")
    noted("write", Predictions, "write")
    noted("ask", Networks, "_ask_network")
    list(predict_cohort(cohort, IDS, predictor, predictions))
    here = threading.current_thread().name
    assert busy == {"read": {"reading"}, "resize": {"reading"}, "write": {"writing"}, "ask": {here}}


def test_a_bad_image_costs_its_own_case_only(
    cohort: Cohort, predictor: Predictor, predictions: Predictions
) -> None:
    path = cohort.cases["2"].image_path
    path.write_bytes(path.read_bytes()[:400])
    steps = list(predict_cohort(cohort, IDS, predictor, predictions))
    failed = [step for step in steps if step.error is not None]
    assert [(step.case_id, step.done) for step in failed] == [("2", 2)]
    assert isinstance(failed[0].error, ImageError)
    assert predictions.ids() == {"1", "3"}


def test_closing_stops_and_keeps_what_is_done(
    cohort: Cohort, predictor: Predictor, predictions: Predictions
) -> None:
    steps = predict_cohort(cohort, IDS, predictor, predictions)
    list(itertools.takewhile(lambda step: step.done < 1.5, steps))
    steps.close()  # type: ignore[attr-defined]
    assert predictions.ids() == {"1"}


def test_cancelling_stops_within_a_case(
    cohort: Cohort, predictor: Predictor, predictions: Predictions
) -> None:
    wish = False
    steps = predict_cohort(cohort, IDS, predictor, predictions, lambda: wish)
    for step in steps:
        wish = step.done >= 1
        if wish:
            break
    with pytest.raises(Cancelled):
        next(itertools.dropwhile(lambda step: step.done <= 1, steps))
    assert predictions.ids() == {"1"}


def test_a_training_case_gets_the_opinion_of_those_who_have_not_seen_it(
    cohort: Cohort, predictions: Predictions, member: Callable[..., Member], tmp_path: Path
) -> None:
    seen = member(says=0.9, trained_on=(cohort.digest("1"),))
    both = ensemble(seen, member(says=0.1))
    list(predict_cohort(cohort, ("1", "2"), Predictor(both, tmp_path, "cpu"), predictions))
    one, two = predictions.read("1"), predictions.read("2")
    assert one is not None and two is not None
    assert np.isclose(one.probability.mean(), 25.5, atol=1.5)
    assert np.isclose(two.probability.mean(), 127.5, atol=1.5)
