from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.edits import Edit
from trainer.metrics import dice
from trainer.study.effort_score import Score, unit_f1


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), height=st.integers(1, 40), width=st.integers(1, 40))
def test_dice_after_an_edit_is_foretold(seed: int, height: int, width: int) -> None:
    chance = np.random.default_rng(seed)
    before, after, reference = (chance.random((3, height, width)) < 0.5).astype(np.uint8)
    edit = Edit.between(before, after, "test")
    if edit is None:
        return
    score = Score(before, reference)

    foretold = score.after(edit)
    score.make(edit)

    assert foretold == score.dice == pytest.approx(dice(after, reference))
    assert np.array_equal(score.mask, after)


def squares(*places: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros((200, 200), np.uint8)
    for row, column, side in places:
        mask[row : row + side, column : column + side] = 1
    return mask


def test_units_match_where_they_share_more_than_half_of_their_union() -> None:
    reference = squares((10, 10, 40), (100, 100, 40))

    assert unit_f1(reference, reference) == 1
    # of 40 columns 27 are common, of 53: just more than half; with 26 it is less
    assert unit_f1(squares((10, 23, 40), (100, 100, 40)), reference) == 1
    assert unit_f1(squares((10, 24, 40), (100, 100, 40)), reference) == 0.5
    assert unit_f1(squares((100, 100, 40)), reference) == pytest.approx(2 / 3)
    assert unit_f1(squares((10, 10, 140)), reference) == 0


def test_specks_and_empty_masks() -> None:
    reference = squares((10, 10, 40))

    assert unit_f1(reference | squares((150, 150, 1)), reference) == 1
    assert unit_f1(reference | squares((150, 150, 2)), reference) == pytest.approx(2 / 3)
    assert unit_f1(0 * reference, 0 * reference) == 1
    assert unit_f1(0 * reference, reference) == 0
