from __future__ import annotations

import cv2
import numpy as np
import pytest

from trainer.demo import spoil


@pytest.fixture
def units():
    """Discs: the largest at the left, two close together at the right, two tiny ones below."""
    plane = np.zeros((200, 300), np.int32)
    ys, xs = np.indices(plane.shape)
    discs = [(100, 60, 40), (60, 200, 20), (110, 205, 22), (190, 200, 4), (190, 212, 4)]
    for number, (y, x, radius) in enumerate(discs, 1):
        plane[np.hypot(ys - y, xs - x) < radius] = number
    return plane


def count(mask):
    return cv2.connectedComponents(mask)[0] - 1


def test_missed_leaves_the_largest_out_and_nothing_else(units):
    mask = spoil.missed(units)
    assert np.array_equal(mask > 0, units > 1)


def test_merged_joins_the_two_nearest_of_the_large_ones(units):
    mask = spoil.merged(units)
    assert count(mask) == 4
    assert mask[units > 0].all()
    assert mask[84, 202] == 1


def test_shifted_moves_the_largest_and_leaves_the_others(units):
    mask = spoil.shifted(units)
    assert mask[units > 1].all()
    left = (mask > 0) & (units <= 1)
    overlap = (left & (units == 1)).sum() / (units == 1).sum()
    assert 0.2 < overlap < 0.6


@pytest.mark.parametrize("spoiler", spoil.SPOILERS.values())
def test_a_spoilt_truth_is_a_mask(units, spoiler):
    mask = spoiler(units)
    assert mask.dtype == np.uint8
    assert mask.shape == units.shape
    assert set(np.unique(mask)) == {0, 1}
