"""How far weights move."""

from __future__ import annotations

import torch

from trainer.model.network import build
from trainer.settings import Recipe, Training
from trainer.train.optimizers import optimizer, set_rate

RATE = 0.125


def test_the_head_learns_faster_than_the_encoder_by_as_much_as_the_recipe_says(
    tiny_recipe: Recipe,
) -> None:
    training = Training(optimizer="sgd", head_rate=4)
    recipe = tiny_recipe.model_copy(update={"training": training, "weight_decay": 0.0})
    network = build(recipe.network).module
    before = {name: one.detach().clone() for name, one in network.named_parameters()}
    moves = optimizer(network, recipe)
    for one in network.parameters():
        one.grad = torch.ones_like(one)
    set_rate(moves, RATE)
    moves.step()

    slope = 1.9  # Nesterov's first step: the gradient, and 0.9 of it once more
    for name, one in network.named_parameters():
        share = 1 if name.startswith("body.encoder.") else 4
        moved = before[name] - one.detach()
        torch.testing.assert_close(moved, torch.full_like(one, RATE * share * slope))
