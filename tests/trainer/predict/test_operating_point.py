"""Each step from a probability to a mask, by organ, data source and pixel size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from trainer.data.case import Case, Prediction
from trainer.errors import MaskError
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.settings import Masking, PostProcessing

SIDE = 120


def case(organ: str = "lung", source: str | None = None, pixel_size: float | None = 0.5) -> Case:
    return Case("17", organ, Path("17.tiff"), "train", 2, source, pixel_size=pixel_size)


def point(steps: dict[str, Any], of: Case | None = None, **told: Any) -> OperatingPoint:
    masking = Masking.model_validate({"postprocess": {"default": steps}} | told)
    return OperatingPoint.of(masking, of or case())


def scene() -> np.ndarray:
    """A faint disc with a hole, a strong small one, two that touch, and a faint halo."""
    levels = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(levels, (30, 30), 25, 80, -1)
    cv2.circle(levels, (30, 30), 20, 150, -1)
    cv2.circle(levels, (30, 30), 5, 0, -1)
    cv2.circle(levels, (90, 20), 3, 200, -1)
    cv2.circle(levels, (35, 90), 18, 170, -1)
    cv2.circle(levels, (69, 90), 18, 170, -1)
    cv2.circle(levels, (105, 50), 8, 80, -1)
    return levels


def made(steps: dict[str, Any], levels: np.ndarray | None = None, **told: Any) -> np.ndarray:
    levels = scene() if levels is None else levels
    prediction = Prediction("17", levels, np.zeros_like(levels), levels.shape)
    return to_mask(prediction, point(steps, **told))


def units(mask: np.ndarray) -> int:
    return cv2.connectedComponents(mask, connectivity=4)[0] - 1


def test_without_a_step_it_is_the_pixels_from_the_threshold_on() -> None:
    assert np.array_equal(made({}), scene() >= 128)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ({"min_area": 100}, "drops the small disc"),
        ({"min_area": {"um2": 25}}, "drops the small disc"),
        ({"min_area": {"share": 0.007}}, "drops the small disc"),
        ({"min_area": {"um2": 5}}, "drops nothing"),
        ({"opening": 4}, "drops the small disc"),
        ({"fill_holes": True}, "fills the hole"),
        ({"closing": 6}, "fills the hole"),
        ({"split": True}, "parts the two"),
        ({"split": {"neck": 0.1}}, "drops nothing"),
    ],
)
def test_each_step_does_what_it_says(steps: dict[str, Any], told: str) -> None:
    mask = made(steps)
    assert units(made({})) == 3
    assert units(mask) == {"drops the small disc": 2, "parts the two": 4}.get(told, 3)
    assert mask[30, 30] == (told == "fills the hole")


@pytest.mark.parametrize("area", [{"px": 100}, {"share": 0.007}])
def test_an_area_that_asks_for_no_pixel_size_counts_wherever_the_steps_are_from(
    area: dict[str, float],
) -> None:
    levels = scene()
    prediction = Prediction("17", levels, np.zeros_like(levels), levels.shape)
    steps = PostProcessing.model_validate({"min_area": area})
    assert units(to_mask(prediction, OperatingPoint(0.5, steps))) == 2


def test_hysteresis_takes_the_rim_and_no_faint_disc_alone() -> None:
    mask = made({"low": 0.3})
    assert mask[30, 53] == 1
    assert made({})[30, 53] == 0
    assert mask[50, 105] == 0
    assert made({"low": 0.6}).tolist() == made({}).tolist()


def test_erosion_takes_pixels_off_every_outline() -> None:
    eroded = made({"erode": 2})
    assert made({})[90, 18] == eroded[90, 20] == 1
    assert eroded[90, 18] == 0


@pytest.mark.parametrize(("told", "wanted"), [("lung", 1), ("kidney", 0), ("lung of HPA", 0)])
def test_organ_and_source_decide(told: str, wanted: int) -> None:
    masking = Masking.model_validate(
        {
            "thresholds": {"lung": 0.3},
            "source_thresholds": {"lung": {"HPA": 0.9}},
            "postprocess": {"kidney": {"min_area": 10**6}},
        }
    )
    organ, _, source = told.partition(" of ")
    levels = scene()
    prediction = Prediction("17", levels, levels, levels.shape)
    mask = to_mask(prediction, OperatingPoint.of(masking, case(organ, source or None)))
    assert mask[50, 105] == wanted


@pytest.mark.parametrize(("least", "left"), [(149 / 255, 3), (151 / 255, 2), (0.7, 1), (0.8, 0)])
def test_units_go_whose_mean_probability_is_too_low(least: float, left: int) -> None:
    mask = made({"min_probability": least})
    assert units(mask) == left
    assert np.array_equal(mask, made({}) & (mask if left else 0))


def test_of_a_unit_s_mean_probability_all_its_pixels_count() -> None:
    levels = np.zeros((20, 30), np.uint8)
    levels[5:10, 5:10], levels[5:10, 10:15], levels[15:18, 25] = 130, 250, 200
    assert units(made({"min_probability": 190 / 255}, levels)) == 2
    assert made({"min_probability": 191 / 255}, levels).sum() == 3


def test_never_empty_lowers_the_threshold_just_far_enough() -> None:
    steps = {"never_empty": True, "min_area": 700}
    faint = scene() // 2
    assert not made({"min_area": 700}, faint).any()
    mask = made(steps, faint)
    assert np.array_equal(mask, made({"min_area": 700}, faint, threshold=85 / 255))
    assert mask.any()
    assert not made({"min_area": 700}, faint, threshold=86 / 255).any()


def test_never_empty_leaves_a_mask_alone_that_has_something() -> None:
    assert np.array_equal(made({"never_empty": True}), made({}))


def test_never_empty_takes_the_likeliest_pixels_where_no_level_is_enough() -> None:
    faint = np.zeros((40, 40), np.uint8)
    faint[5:8, 5:8], faint[20, 20] = 10, 12
    mask = made({"never_empty": True, "min_area": 50}, faint)
    assert np.argwhere(mask).tolist() == [[20, 20]]
    assert not made({"never_empty": True}, np.zeros((9, 9), np.uint8)).any()


def test_an_area_in_square_micrometres_asks_for_the_pixel_size() -> None:
    with pytest.raises(MaskError) as caught:
        point({"min_area": {"um2": 30}}, case(pixel_size=None))
    told = str(caught.value)
    assert told.startswith("case 17: its pixel size is not known, but units of lung under 30 µm²")
    assert "fill in its `pixel_size`" in told
    levels = scene()
    prediction = Prediction("17", levels, levels, levels.shape)
    in_pixels = point({"min_area": 100}, case(pixel_size=None))
    assert units(to_mask(prediction, in_pixels)) == 2


def test_lengths_are_those_of_the_image_not_of_the_network() -> None:
    levels = scene()
    prediction = Prediction("17", levels, levels, (4 * SIDE, 4 * SIDE))
    mask = to_mask(prediction, point({"min_area": 100}))
    assert units(mask) == 3
    assert units(to_mask(prediction, point({"min_area": 1000}))) == 2
