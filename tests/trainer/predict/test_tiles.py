"""Windows cover an image, and glass is not looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.predict.tiles import gaussian, grid, starts, with_tissue


@given(st.integers(1, 400), st.integers(0, 2000), st.floats(0, 0.9))
def test_windows_cover_an_axis_and_stay_on_it(side: int, beyond: int, overlap: float) -> None:
    length = side + beyond
    found = starts(length, side, overlap)
    assert found[0] == 0
    assert found[-1] + side == length
    gaps = np.diff(found)
    assert (gaps > 0).all()
    assert (gaps <= max(1, side * (1 - overlap))).all()


def test_neighbours_have_their_share_in_common() -> None:
    assert starts(1000, 400, 0.25) == [0, 300, 600]
    assert starts(1000, 400, 0) == [0, 400, 600]
    assert grid((400, 700), 400, 0.25) == [(0, 0), (0, 300)]


def test_a_window_trusts_its_centre_most() -> None:
    weights = gaussian(64)
    assert weights.dtype == np.float32
    assert weights.min() >= 1e-3
    assert np.unravel_index(weights.argmax(), weights.shape) == (31, 31)
    assert np.allclose(weights, weights.T) and np.allclose(weights, weights[::-1])
    assert weights[32, 32 + 8] == pytest.approx(np.exp(-0.5), abs=0.05)


def test_glass_and_dust_are_passed_over_but_pale_tissue_is_not() -> None:
    image = np.full((128, 192, 3), 240, np.uint8)
    image[3, 3] = 0
    image[70:90, 70:90] = (230, 200, 225)
    every = grid((128, 192), 64, 0)
    assert with_tissue(image, every, 64) == [(64, 64)]
