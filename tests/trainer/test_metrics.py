from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainer import metrics
from trainer.errors import MaskError

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)
pairs = shapes.flatmap(
    lambda shape: st.tuples(*[hnp.arrays(np.uint8, shape, elements=st.integers(0, 3))] * 2)
)


@given(pairs)
def test_dice_and_iou_are_those_of_the_sets_of_pixels(pair):
    a, b = ({tuple(place) for place in np.argwhere(mask).tolist()} for mask in pair)
    dice = 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0
    iou = len(a & b) / len(a | b) if a or b else 1.0
    assert metrics.dice(*pair) == pytest.approx(dice)
    assert metrics.iou(*pair) == pytest.approx(iou)


@given(pairs)
def test_any_dtype_counts_alike(pair):
    a, b = pair
    assert metrics.dice(a != 0, b.astype(np.float32)) == metrics.dice(a, b)


def test_a_part_of_a_mask():
    mask = np.array([[1, 1, 1, 1]], np.uint8)
    half = np.array([[1, 1, 0, 0]], np.uint8)
    assert metrics.dice(mask, half) == pytest.approx(2 / 3)
    assert metrics.iou(mask, half) == 0.5
    assert metrics.dice(half, 1 - half) == 0.0


def test_strided_masks():
    mask = np.arange(48).reshape(6, 8) % 3 == 0
    assert metrics.dice(mask[::2, ::2], mask[::2, ::2].copy()) == 1.0


def test_masks_of_different_sizes_are_refused():
    with pytest.raises(MaskError, match=r"\(2, 3\) and \(3, 2\)"):
        metrics.dice(np.zeros((2, 3)), np.zeros((3, 2)))
