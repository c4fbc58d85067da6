"""A recipe's optimiser."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, NAdam, Optimizer, RAdam

from trainer.settings import Recipe

_MOMENTUM = 0.9


def optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """As the recipe says; vectors (biases, norms) do not decay.

    AdamW: Loshchilov, I. and Hutter, F., "Decoupled weight decay regularization", ICLR 2019;
    NAdam and RAdam decay in the same way, Adam and SGD by their gradients.
    """
    trained = [one for one in network.parameters() if one.requires_grad]
    groups: list[dict[str, Any]] = [
        {
            "params": [one for one in trained if one.ndim > 1],
            "weight_decay": recipe.weight_decay,
        },
        {"params": [one for one in trained if one.ndim <= 1], "weight_decay": 0.0},
    ]
    rate = recipe.learning_rate
    # one pass over the weights; on a GPU it would unscale fp16's gradients past our clipping
    fused = all(one.device.type == "cpu" for one in trained)
    match recipe.training.optimizer:
        case "adamw":
            return AdamW(groups, lr=rate, fused=fused)
        case "adam":
            return Adam(groups, lr=rate, fused=fused)
        case "nadam":
            return NAdam(groups, lr=rate, decoupled_weight_decay=True)
        case "radam":
            return RAdam(groups, lr=rate, decoupled_weight_decay=True)
        case "sgd":
            return SGD(groups, lr=rate, momentum=_MOMENTUM, nesterov=True, fused=fused)


def bytes_a_weight(recipe: Recipe) -> int:
    """What an optimiser remembers of each float32 weight, in bytes."""
    moments = 1 if recipe.training.optimizer == "sgd" else 2
    return moments * torch.float32.itemsize
