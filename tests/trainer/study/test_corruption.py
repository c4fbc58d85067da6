from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.case import Mask
from trainer.study.corruption import KINDS, Corruption, corrupt


def grid(rows: int, columns: int, radius: int = 18) -> Mask:
    mask = np.zeros((rows * 60, columns * 60), np.uint8)
    for row in range(rows):
        for column in range(columns):
            cv2.circle(mask, (30 + 60 * column, 30 + 60 * row), radius, 1, -1)
    return mask


def count(mask: Mask) -> int:
    return cv2.connectedComponents(mask, connectivity=8)[0] - 1


def one_of(kind: str) -> tuple[Mask, Mask, Corruption]:
    """A truth, what became of it, and its only corruption, of this kind."""
    truth = grid(1, 3)
    for seed in range(100):
        mask, done = corrupt(truth, np.random.default_rng(seed))
        if [one.kind for one in done] == [kind]:
            return truth, mask, done[0]
    raise AssertionError(f"no unit was {kind} by any of 100 seeds")


def inside(box: tuple[int, int, int, int], mask: Mask) -> int:
    return int(mask[box[0] : box[2], box[1] : box[3]].sum())


@pytest.mark.parametrize(
    ("kind", "units", "grows"),
    [("dropped", 2, -1), ("merged", 2, 1), ("shifted", 3, 0), ("invented", 4, 1)],
)
def test_each_way_to_be_wrong(kind: str, units: int, grows: int):
    truth, mask, done = one_of(kind)

    assert count(mask) == units
    assert np.sign(int(mask.sum()) - int(truth.sum())) == grows
    changed = (mask != truth).astype(np.uint8)
    outside = changed.sum() - inside(done.box, changed)
    # a shifted unit has left a place outside the box of where it is shown
    assert (outside > 0) == (kind == "shifted")
    assert inside(done.box, mask if kind != "dropped" else truth) > 0


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 10_000))
def test_a_third_of_the_units_is_wrong_and_the_mask_is_never_empty(
    rows: int, columns: int, seed: int
):
    truth = grid(rows, columns)
    mask, done = corrupt(truth, np.random.default_rng(seed))

    assert mask.any() and mask.dtype == np.uint8 and mask.shape == truth.shape
    assert len(done) <= max(1, round(rows * columns / 3))
    assert bool(done) == bool((mask != truth).any())
    assert {one.kind for one in done} <= set(KINDS)
    assert (truth == grid(rows, columns)).all()


def test_the_same_seed_makes_the_same_errors():
    first, second, other = (
        corrupt(grid(3, 4), np.random.default_rng(seed))[0] for seed in (1, 1, 2)
    )

    assert (first == second).all()
    assert (first != other).any()


def test_an_empty_truth_stays_as_it_is():
    mask, done = corrupt(np.zeros((50, 50), np.uint8), np.random.default_rng(0))

    assert not mask.any() and not done


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([0.02, 0.2, 0.6]))
def test_specks_are_no_trouble(seed: int, share: float):
    chance = np.random.default_rng(seed)
    truth = (chance.random((12, 15)) < share).astype(np.uint8)
    mask, done = corrupt(truth, chance)

    assert mask.any() == truth.any()
    assert bool(done) == bool((mask != truth).any())
