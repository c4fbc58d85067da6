from __future__ import annotations

import numpy as np
import pytest

from trainer.tools.suggestion import AS_SURE, suggested

SHAPE = (120, 200)
SOUND = (40, 40, 20, 20)


def soft(mask: np.ndarray, inside: int = 240, outside: int = 15) -> np.ndarray:
    return np.where(mask > 0, inside, outside).astype(np.uint8)


def test_a_unit_that_truth_lacks_comes_where_the_network_is_sure(draw) -> None:
    truth, predicted = draw(SHAPE, SOUND), draw(SHAPE, SOUND, (60, 150, 20, 25))

    assert np.array_equal(suggested(truth, predicted, soft(predicted)), predicted)


def test_a_unit_that_truth_invents_goes_where_the_network_is_sure(draw) -> None:
    truth, predicted = draw(SHAPE, SOUND, (60, 150, 20, 25)), draw(SHAPE, SOUND)

    assert np.array_equal(suggested(truth, predicted, soft(predicted)), predicted)


def test_where_the_network_is_not_sure_truth_stays(draw) -> None:
    truth = draw(SHAPE, SOUND, (90, 60, 12, 12))
    predicted = draw(SHAPE, (40, 40, 17, 17), (60, 150, 20, 25))
    levels = soft(draw(SHAPE, (40, 40, 17, 17)))
    levels[draw(SHAPE, (60, 150, 20, 25)) > 0] = 160
    levels[draw(SHAPE, (90, 60, 12, 12)) > 0] = 100
    levels[(draw(SHAPE, SOUND) > 0) & (predicted == 0)] = 90

    assert np.array_equal(suggested(truth, predicted, levels), truth)


def test_each_piece_is_judged_by_itself(draw) -> None:
    """The bridge of a merger goes; of both units the outlines stay as truth has them."""
    sound = draw(SHAPE, (60, 50, 30, 30), (60, 150, 30, 30))
    merged, predicted = sound.copy(), sound.copy()
    merged[50:70, 70:130] = 1
    predicted[:, 172:] = 0
    levels = soft(predicted)
    levels[(sound > 0) & (predicted == 0)] = 110

    assert np.array_equal(suggested(merged, predicted, levels), sound)


def test_sure_is_measured_by_where_both_masks_agree(draw) -> None:
    """A network that never says more than 70 % is sure at 70 %."""
    truth, predicted = draw(SHAPE, SOUND), draw(SHAPE, SOUND, (60, 150, 20, 25))
    modest = soft(predicted, inside=180, outside=70)
    assert np.array_equal(suggested(truth, predicted, modest), predicted)

    modest[draw(SHAPE, (60, 150, 20, 25)) > 0] = int(180 * AS_SURE) - 1
    assert np.array_equal(suggested(truth, predicted, modest), truth)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_masks_that_agree_everywhere_or_nowhere(draw, level: int) -> None:
    levels = np.full(SHAPE, level, np.uint8)
    nothing, everything = np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)

    assert np.array_equal(suggested(everything, everything, levels), everything)
    assert np.array_equal(suggested(nothing, nothing, levels), nothing)
    wanted = everything if level == 255 else nothing
    assert np.array_equal(suggested(nothing, everything, levels), wanted)
    wanted = nothing if level == 0 else everything
    assert np.array_equal(suggested(everything, nothing, levels), wanted)


def test_its_masks_stay_as_they_are(draw) -> None:
    truth, predicted = draw(SHAPE, SOUND), draw(SHAPE, (60, 150, 20, 25))
    given = truth.copy(), predicted.copy()

    suggested(truth, predicted, soft(predicted))

    assert np.array_equal(truth, given[0]) and np.array_equal(predicted, given[1])
