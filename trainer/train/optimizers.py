"""A recipe's optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, NAdam, Optimizer, RAdam

from trainer.settings import Recipe

_MOMENTUM = 0.9

_ENCODER = "body.encoder."
"""How the names of a network's encoder begin."""

_SHARE = "share"
"""Of the learning rate, that a group of weights has."""


def optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """As the recipe says; vectors (biases, norms) do not decay.

    AdamW: Loshchilov, I. and Hutter, F., "Decoupled weight decay regularization", ICLR 2019;
    NAdam and RAdam decay in the same way, Adam and SGD by their gradients.
    """
    named = [(name, one) for name, one in network.named_parameters() if one.requires_grad]
    encoder = [one for name, one in named if name.startswith(_ENCODER)]
    head = [one for name, one in named if not name.startswith(_ENCODER)]
    groups = _groups(encoder, recipe, 1.0) + _groups(head, recipe, recipe.training.head_rate)
    rate = recipe.learning_rate
    # one pass over the weights; on a GPU it would unscale fp16's gradients past our clipping
    fused = all(one.device.type == "cpu" for _, one in named)
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


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Let the encoder learn at a rate, and all else at its share of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group[_SHARE]


def _groups(weights: Sequence[nn.Parameter], recipe: Recipe, share: float) -> list[dict[str, Any]]:
    """Those that decay and those that do not."""
    kinds = (
        ([one for one in weights if one.ndim > 1], recipe.weight_decay),
        ([one for one in weights if one.ndim <= 1], 0.0),
    )
    common = {"lr": share * recipe.learning_rate, _SHARE: share}
    return [{"params": kind, "weight_decay": decay, **common} for kind, decay in kinds if kind]


def bytes_a_weight(recipe: Recipe) -> int:
    """What an optimiser remembers of each float32 weight, in bytes."""
    moments = 1 if recipe.training.optimizer == "sgd" else 2
    return moments * torch.float32.itemsize
