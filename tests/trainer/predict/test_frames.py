"""An image on its way into a network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.predict.frame import fit, fitted, pad

SIDES = st.integers(1, 5000)


@given(SIDES, SIDES, st.integers(64, 2048))
def test_the_longer_side_is_as_asked_and_the_aspect_is_kept(
    height: int, width: int, longer: int
) -> None:
    small = fitted((height, width), longer)
    assert max(small) == longer
    assert abs(min(small) - longer * min(height, width) / max(height, width)) <= 1


def test_shrinking_averages_whole_areas() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[::2] = 100
    assert (fit(stripes, 100) == 50).all()


def test_enlarging_keeps_the_ends_in_place() -> None:
    ramp = np.repeat(np.linspace(0, 255, 16, dtype=np.uint8)[None, :, None], 16, axis=0)
    large = fit(np.repeat(ramp, 3, axis=2), 64)[0, :, 0].astype(int)
    assert large[0] == 0 and large[-1] == 255
    assert np.abs(large - large[::-1] - 2 * large + 255).max() <= 1
    assert (np.diff(large) >= 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (31, 33), (64, 64), (5, 200)])
def test_padding_mirrors_below_and_to_the_right(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    padded = pad(image, 32)
    assert padded.shape[0] % 32 == padded.shape[1] % 32 == 0
    assert padded.shape[0] - shape[0] < 32
    assert np.array_equal(padded[: shape[0], : shape[1]], image)
    assert set(np.unique(padded)) <= set(np.unique(image))
