"""Losses, and the pace of a training."""

from __future__ import annotations

import math

import pytest
import torch

from trainer.model.network import build
from trainer.settings import Recipe
from trainer.train.batch import Batch
from trainer.train.learner import Learner
from trainer.train.losses import bce, soft_dice, weighed
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


@pytest.mark.parametrize("loss", [bce, soft_dice])
def test_a_weight_of_a_half_halves_a_sample_s_gradient_and_no_other_s(loss):
    torch.manual_seed(0)
    logits = torch.randn(3, 1, 8, 8, requires_grad=True)
    target = torch.rand(3, 1, 8, 8)

    def gradient(*weights: float) -> tuple[float, torch.Tensor]:
        logits.grad = None
        value = loss(weighed(logits, torch.tensor(weights)), target)
        value.backward()
        assert logits.grad is not None
        return float(value.detach()), logits.grad

    value, alike = gradient(1, 1, 1)
    assert value == float(loss(logits, target).detach())
    same, apart = gradient(1, 0.5, 0)
    assert same == value
    assert torch.equal(apart[0], alike[0])
    assert torch.allclose(apart[1], alike[1] / 2)
    assert bool((alike[2] != 0).any())
    assert not apart[2].any()


def test_a_member_learns_by_what_its_labels_are_worth(tiny_recipe: Recipe):
    torch.manual_seed(0)
    network, _ = build(tiny_recipe.network)
    learner = Learner(network.eval(), tiny_recipe, Pace(batches=1, seconds=None))
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    inside = torch.randint(0, 2, (2, 1, 64, 64), dtype=torch.uint8) * 255

    def gradient(*weights: float) -> torch.Tensor:
        learner.zero_grad()
        learner.loss_of(Batch(images, inside, torch.tensor(weights))).backward()
        return torch.cat([p.grad.flatten() for p in learner.parameters() if p.grad is not None])

    both, first, second = gradient(1, 1), gradient(1, 0), gradient(0, 1)
    near = {"rtol": 1e-3, "atol": 1e-6}
    assert torch.allclose(first + second, both, **near)
    assert torch.allclose(gradient(1, 0.5), first + second / 2, **near)
    assert not torch.allclose(gradient(1, 0.5), both, **near)


def test_time_ends_a_fold_that_has_batches_left():
    pace = Pace(batches=10**9, seconds=1e-9)
    pace.tick()

    assert pace.share() == 1
    assert pace.seconds_left() == pytest.approx(0)


def test_time_left_is_told_once_there_is_a_measure():
    pace = Pace(batches=4, seconds=None)
    assert pace.seconds_left() is None
    pace.tick()

    left = pace.seconds_left()
    assert left is not None
    assert math.isfinite(left)
