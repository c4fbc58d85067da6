from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cohorts import Drawn, write_cohort
from trainer.data.case import Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import Cancelled
from trainer.review.levels import Levels
from trainer.review.suspicion import Step, SuspectUnit, suspects

SHAPE = (240, 320)
DISCS = ((60, 60, 30), (60, 160, 30), (60, 260, 30), (180, 60, 30), (180, 200, 30))
CASES = tuple(Drawn(str(number), "kidney", SHAPE, discs=DISCS) for number in (1, 2, 3, 4))


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    write_cohort(tmp_path / "cohort", CASES)
    return Cohort.open(tmp_path / "cohort")


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    """A good network's: right, unsure along every rim, at half the image's size."""
    made = Predictions.create(tmp_path / "oof", {"threshold": 0.5})
    for case in CASES:
        blurred = cv2.GaussianBlur(case.mask * np.float32(0.9) + 0.04, (0, 0), 4)
        small = cv2.resize(blurred, (SHAPE[1] // 2, SHAPE[0] // 2), interpolation=cv2.INTER_AREA)
        probability = np.rint(small * 255).astype(np.uint8)
        made.write(Prediction(case.id, probability, 0 * probability, SHAPE))
    return made


def found(cohort: Cohort, predictions: Predictions, **wrong: Mask) -> dict[str, Step]:
    """What is suspect of the drawn truths, some of them replaced."""
    truths = {case.id: wrong.get(f"case{case.id}", case.mask) for case in CASES}
    steps = list(suspects(cohort, truths.get, predictions, cohort.cases))
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    return {step.case_id: step for step in steps if step.case is not None}


def spoilt(*discs: tuple[int, int, int]) -> Mask:
    return replace(CASES[0], discs=discs).mask


def shifted() -> Mask:
    return spoilt((60, 75, 30), *DISCS[1:])


def bridged() -> Mask:
    mask = spoilt(*DISCS)
    mask[40:80, 60:160] = 1
    return mask


def around(unit: SuspectUnit, row: int, column: int) -> bool:
    row0, column0, row1, column1 = unit.box
    return row0 <= row < row1 and column0 <= column < column1


@pytest.mark.parametrize(
    ("mask", "kind", "place", "area"),
    [
        (spoilt(*DISCS[1:]), "lacking", (60, 60), np.pi * 30**2),
        (spoilt(*DISCS, (180, 280, 25)), "extra", (180, 280), np.pi * 25**2),
        (bridged(), "too wide", (60, 110), None),
        (shifted(), "too wide", (60, 75), np.pi * 30**2),
        (spoilt((60, 60, 15), *DISCS[1:]), "lacking", (60, 60), None),
    ],
    ids=["dropped", "invented", "merged", "shifted", "half drawn"],
)
def test_what_was_corrupted_comes_first(
    cohort: Cohort,
    predictions: Predictions,
    mask: Mask,
    kind: str,
    place: tuple[int, int],
    area: float | None,
):
    steps = found(cohort, predictions, case3=mask)

    ranked = sorted(steps.values(), key=lambda step: -step.case.suspicion if step.case else 0)
    assert ranked[0].case_id == "3"
    first = ranked[0].units[0]
    assert (first.case_id, first.organ, first.kind) == ("3", "kidney", kind)
    assert around(first, *place)
    assert area is None or first.area == pytest.approx(area, rel=0.1)
    sound = [unit for key in "124" for unit in steps[key].units]
    assert first.suspicion > 0.5 > max(unit.suspicion for unit in sound)


def test_every_unit_is_ranked_and_a_sound_one_is_hardly_suspect(
    cohort: Cohort, predictions: Predictions
):
    steps = found(cohort, predictions)

    for step in steps.values():
        boxes = {unit.box for unit in step.units}
        assert boxes >= {(r - q + 1, c - q + 1, r + q, c + q) for r, c, q in DISCS}
        assert step.case is not None and step.case.dice > 0.95
        suspicion = [unit.suspicion for unit in step.units]
        assert suspicion == sorted(suspicion, reverse=True)
        assert max(suspicion) < 0.3


def test_a_line_drawn_generously_is_less_suspect_than_a_unit_too_many(
    cohort: Cohort, predictions: Predictions
):
    generous = spoilt(*((row, column, radius + 9) for row, column, radius in DISCS))
    steps = found(cohort, predictions, case2=generous, case3=spoilt(*DISCS, (180, 280, 20)))

    assert 0 < max(unit.suspicion for unit in steps["2"].units) < 0.7
    assert steps["3"].units[0].suspicion > 0.8


def test_a_prediction_that_has_seen_the_case_is_refused_and_moves_no_level(
    cohort: Cohort, predictions: Predictions
):
    clean = found(cohort, predictions)["1"].case
    seen = predictions.read("4")
    assert seen is not None
    # as sure as only a network that has learnt the case by heart
    by_heart = CASES[3].mask[::2, ::2] * np.uint8(255)
    predictions.write(replace(seen, probability=by_heart, in_sample=True))

    steps = list(suspects(cohort, cohort.truth, predictions, cohort.cases))

    assert {step.case_id for step in steps if step.case is not None} == {"1", "2", "3"}
    assert [step.case_id for step in steps if step.in_sample] == ["4"]
    assert steps[-1].done == steps[-1].total
    assert next(step.case for step in steps if step.case) == clean


@pytest.mark.parametrize("change", ["disagreement", "threshold"])
def test_neither_disagreement_nor_the_error_has_a_part_in_it(
    cohort: Cohort, predictions: Predictions, change: str
):
    before = found(cohort, predictions, case2=shifted())
    if change == "threshold":
        predictions.description["threshold"] = 0.9
    else:
        for case in CASES:
            one = predictions.read(case.id)
            assert one is not None
            predictions.write(replace(one, disagreement=one.probability))
    after = found(cohort, predictions, case2=shifted())

    for key, step in before.items():
        assert step.case is not None and after[key].case is not None
        assert after[key].units == step.units
        assert after[key].case.suspicion == step.case.suspicion
        assert after[key].case.noisy_pixels == step.case.noisy_pixels


def test_a_truth_of_another_size_is_told_and_costs_the_others_nothing(
    cohort: Cohort, predictions: Predictions
):
    other = predictions.read("2")
    assert other is not None
    predictions.write(replace(other, shape=(100, 100)))

    steps = list(suspects(cohort, cohort.truth, predictions, cohort.cases))

    told = [str(step.error) for step in steps if step.error is not None]
    assert len(told) == 1 and "case 2" in told[0] and "100×100" in told[0]
    assert {step.case_id for step in steps if step.case is not None} == {"1", "3", "4"}


def test_cases_without_truth_or_prediction_are_left_out(cohort: Cohort, predictions: Predictions):
    (predictions.folder / "1.npz").unlink()
    truth: Callable[[str], Mask | None] = {"1": CASES[0].mask, "3": CASES[2].mask}.get

    steps = list(suspects(cohort, truth, predictions, cohort.cases))

    assert [step.case_id for step in steps if step.case is not None] == ["3"]
    assert not any(step.error for step in steps)


def test_an_empty_truth_lacks_all_that_the_network_sees(cohort: Cohort, predictions: Predictions):
    steps = found(cohort, predictions, case1=np.zeros(SHAPE, np.uint8))

    assert {unit.kind for unit in steps["1"].units} == {"lacking"}
    assert len(steps["1"].units) == len(DISCS)


def test_units_that_touch_at_a_network_pixel_stay_two(cohort: Cohort, predictions: Predictions):
    halves = spoilt(*DISCS)
    halves[:, 160] = 0

    units = found(cohort, predictions, case1=halves)["1"].units

    assert sum(unit.kind in ("extra", "too wide") for unit in units) == len(DISCS) + 1


def test_the_wish_to_stop_is_heard_between_two_cases(cohort: Cohort, predictions: Predictions):
    steps = suspects(cohort, cohort.truth, predictions, cohort.cases, iter([False, True]).__next__)
    next(steps)

    with pytest.raises(Cancelled):
        next(steps)


def test_a_level_is_the_mean_probability_of_the_class_over_its_own_pixels():
    levels = Levels()
    numbers = np.array([[1, 1, 0, 0], [0, 0, 2, 2]], np.int32)
    probability = np.array([[255, 204, 51, 0], [0, 0, 255, 102]], np.uint8)
    levels.add("lung", probability, numbers)
    levels.add("lung", 255 - 0 * probability, 0 * numbers)

    level = levels.of("lung")

    assert level.inside == pytest.approx((1 + 0.8 + 1 + 0.4) / 4)
    assert level.outside == pytest.approx((0.8 + 3) / 12)
    assert level.width == pytest.approx(2 * np.sqrt(2 / np.pi))


def test_organs_have_levels_of_their_own():
    levels = Levels()
    numbers = np.array([[1, 0]], np.int32)
    levels.add("lung", np.array([[102, 0]], np.uint8), numbers)
    levels.add("kidney", np.array([[255, 0]], np.uint8), numbers)

    assert levels.of("lung").inside == pytest.approx(0.4)
    assert levels.of("kidney").inside == 1
    assert levels.of("spleen").inside == 1
