"""Losses, and the pace of a training."""

from __future__ import annotations

import math

import pytest
import torch

from trainer.train.losses import bce, soft_dice
from trainer.train.pace import Pace


def test_losses_are_small_where_all_is_right_and_large_where_all_is_wrong():
    target = torch.zeros(2, 1, 8, 8)
    target[:, :, :4] = 1
    right = (target * 2 - 1) * 20

    for loss in (bce, soft_dice):
        assert float(loss(right, target)) < 0.01
        assert float(loss(-right, target)) > 0.9


def test_soft_dice_is_one_minus_dice():
    target = torch.zeros(1, 1, 10, 10)
    target[..., :6] = 1
    found = torch.zeros_like(target)
    found[..., 3:6] = 1
    logits = (found * 2 - 1) * 30

    assert float(soft_dice(logits, target)) == pytest.approx(1 - 2 * 30 / (30 + 60), abs=0.01)


def test_an_empty_batch_still_pulls_probabilities_down():
    logits = torch.zeros(1, 1, 16, 16, requires_grad=True)
    soft_dice(logits, torch.zeros_like(logits)).backward()

    assert logits.grad is not None
    assert bool((logits.grad >= 0).all())
    assert float(logits.grad.sum()) > 0


def test_the_rate_rises_then_falls_to_rest():
    pace = Pace(batches=100, seconds=None)
    rates = []
    for _ in range(100):
        rates.append(pace.rate())
        pace.tick()

    peak = rates.index(max(rates))
    assert 5 <= peak <= 15
    assert rates[peak] == pytest.approx(1, abs=0.01)
    assert rates == sorted(rates[:peak]) + sorted(rates[peak:], reverse=True)
    assert pace.rate() == pytest.approx(0, abs=1e-6)
    assert pace.share() == 1


def test_time_ends_a_fold_that_has_batches_left():
    pace = Pace(batches=10**9, seconds=1e-9)
    pace.tick()

    assert pace.share() == 1
    assert pace.rate() == pytest.approx(0, abs=1e-6)
    assert pace.seconds_left() == pytest.approx(0)


def test_time_left_is_told_once_there_is_a_measure():
    pace = Pace(batches=4, seconds=None)
    assert pace.seconds_left() is None
    pace.tick()

    left = pace.seconds_left()
    assert left is not None
    assert math.isfinite(left)
