"""Masks are shaped as scikit-image shapes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage import morphology

from trainer.data.shaping import (
    closed,
    eroded,
    opened,
    reaching,
    without_faint,
    without_holes,
    without_small,
)

masks = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=16), elements=st.integers(0, 1)
)


@given(masks)
def test_holes_are_filled_as_by_reconstruction(mask: np.ndarray) -> None:
    framed = np.pad(mask, 1)
    seed = framed.copy()
    seed[1:-1, 1:-1] = 1
    wanted = morphology.reconstruction(seed, framed, method="erosion")[1:-1, 1:-1]
    assert np.array_equal(without_holes(mask), wanted)


@given(masks, st.integers(1, 12))
def test_small_units_go_as_small_objects_do(mask: np.ndarray, least: int) -> None:
    wanted = morphology.remove_small_objects(mask > 0, max_size=least - 1, connectivity=1)
    assert np.array_equal(without_small(mask, least), wanted)


@given(masks, st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_faint_units_go_by_their_mean(mask: np.ndarray, seed: int, least: int) -> None:
    levels = np.random.default_rng(seed).integers(0, 256, mask.shape, np.uint8)
    numbers, count = ndimage.label(mask)
    means = ndimage.mean(levels, numbers, range(1, count + 1))
    strong = 1 + np.flatnonzero(np.asarray(means) >= least)
    assert np.array_equal(without_faint(mask, levels, least), np.isin(numbers, strong))


@given(masks, masks)
def test_hysteresis_keeps_what_holds_a_seed(low: np.ndarray, other: np.ndarray) -> None:
    high = low & np.resize(other, low.shape)
    wanted = ndimage.binary_propagation(high > 0, mask=low > 0)
    assert np.array_equal(reaching(low, high), wanted)


@given(masks, st.integers(0, 4))
def test_opening_and_closing_are_those_of_a_disc(mask: np.ndarray, radius: int) -> None:
    disc = morphology.disk(radius)
    around = np.pad(mask, 2 * radius)
    inner = (slice(2 * radius, around.shape[0] - 2 * radius),
             slice(2 * radius, around.shape[1] - 2 * radius))  # fmt: skip
    assert np.array_equal(closed(mask, radius), morphology.closing(around, disc)[inner])
    beyond = np.pad(mask, 3 * radius, "edge")
    inner = (slice(3 * radius, beyond.shape[0] - 3 * radius),
             slice(3 * radius, beyond.shape[1] - 3 * radius))  # fmt: skip
    found = opened(mask, radius)
    assert np.all(found <= mask)
    if min(mask.shape) > 4 * radius + 1:
        middle = (slice(2 * radius, -2 * radius or None),) * 2
        wanted = morphology.opening(beyond, disc)[inner]
        assert np.array_equal(found[middle], wanted[middle])


@given(masks, st.integers(0, 3))
def test_erosion_takes_a_width_off_but_none_at_the_image_s_edge(mask: np.ndarray, by: int) -> None:
    around = np.pad(mask, by, constant_values=1)
    wanted = morphology.erosion(around, morphology.disk(by))
    inner = slice(by, -by or None)
    assert np.array_equal(eroded(mask, by), wanted[inner, inner])


def test_a_large_disc_is_a_disc_as_well() -> None:
    mask = np.zeros((90, 80), np.uint8)
    mask[20:70, 15:60], mask[40, 30] = 1, 0
    for radius in (12, 13, 16):
        wanted = morphology.erosion(mask, morphology.disk(radius))
        assert np.array_equal(eroded(mask, radius), wanted)


@pytest.mark.parametrize("value", [0, 1])
def test_masks_of_one_value(value: int) -> None:
    mask = np.full((9, 9), value, np.uint8)
    for found in (closed(mask, 2), opened(mask, 2), eroded(mask, 2), without_holes(mask)):
        assert np.array_equal(found, mask)
