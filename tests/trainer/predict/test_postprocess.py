"""A threshold makes a mask of the image's own size, and the same one everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from trainer.data.case import Prediction
from trainer.predict.postprocess import to_mask

MAPS = st_numpy.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)))
THRESHOLDS = st.floats(0.001, 0.999)


def prediction(probability: np.ndarray, shape: tuple[int, int] | None = None) -> Prediction:
    return Prediction("x", probability, np.zeros_like(probability), shape or probability.shape)


@given(MAPS, THRESHOLDS)
def test_at_network_size_a_pixel_belongs_from_the_threshold_on(
    probability: np.ndarray, threshold: float
) -> None:
    mask = to_mask(prediction(probability), threshold)
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, (probability / 255 >= threshold).astype(np.uint8))


@pytest.mark.parametrize("step", range(1, 255))
def test_a_threshold_of_whole_steps_takes_its_own_step(step: int) -> None:
    steps = np.array([[step - 1, step]], np.uint8)
    assert to_mask(prediction(steps), step / 255).tolist() == [[0, 1]]


@given(MAPS, st.tuples(st.integers(1, 90), st.integers(1, 90)), THRESHOLDS, THRESHOLDS)
def test_a_higher_threshold_never_adds_a_pixel(
    probability: np.ndarray, shape: tuple[int, int], one: float, other: float
) -> None:
    lower, higher = sorted((one, other))
    wide = to_mask(prediction(probability, shape), lower)
    narrow = to_mask(prediction(probability, shape), higher)
    assert wide.shape == narrow.shape == shape
    assert np.all(narrow <= wide)


@pytest.mark.parametrize("side", [8, 21, 64, 640])
def test_a_half_stays_the_half_it_is(side: int) -> None:
    """Neither edge nor middle moves when the map is enlarged or shrunk."""
    probability = np.zeros((64, 64), np.uint8)
    probability[:, 32:] = 255
    mask = to_mask(prediction(probability, (side, side)), 0.5)
    assert abs(mask[0].sum() - side / 2) <= 0.5
    assert not mask[:, : side // 2].any()


def test_the_prediction_is_left_alone() -> None:
    probability = np.full((4, 4), 200, np.uint8)
    mask = to_mask(prediction(probability), 0.5)
    mask[:] = 0
    assert (probability == 200).all()
