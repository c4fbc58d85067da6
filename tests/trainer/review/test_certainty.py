from __future__ import annotations

import numpy as np
import pytest

from trainer.data.case import Prediction
from trainer.metrics import dice
from trainer.review.certainty import confidence, disagreement


def prediction(probability: np.ndarray, spread: int = 0) -> Prediction:
    spreads = np.full(probability.shape, spread, np.uint8)
    return Prediction("1", probability, spreads, (probability.shape[0], probability.shape[1]))


def test_a_calibrated_network_foretells_its_dice() -> None:
    chance = np.random.default_rng(0)
    probability = chance.integers(0, 256, (800, 800)).astype(np.uint8)
    truth = (chance.random((800, 800)) < probability / 255).astype(np.uint8)
    mask = (probability >= 128).astype(np.uint8)
    expected = confidence(prediction(probability), 0.5)
    assert expected == pytest.approx(dice(mask, truth), abs=0.005)


def test_a_certain_mask_has_full_confidence_and_an_empty_one_too() -> None:
    disc = np.zeros((50, 50), np.uint8)
    assert confidence(prediction(disc), 0.5) == 1
    disc[10:30, 10:30] = 255
    assert confidence(prediction(disc), 0.5) == 1


def test_doubt_lowers_confidence() -> None:
    sure = np.zeros((50, 50), np.uint8)
    sure[10:30, 10:30] = 255
    doubtful = sure.copy()
    doubtful[20:30, 10:30] = 140
    assert confidence(prediction(doubtful), 0.5) < confidence(prediction(sure), 0.5)


def test_disagreement_is_of_possible_units_only() -> None:
    units = np.zeros((100, 100), np.uint8)
    assert disagreement(prediction(units, spread=51)) == 0
    units[:10] = 200
    assert disagreement(prediction(units, spread=51)) == pytest.approx(0.2)
