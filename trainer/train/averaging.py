"""Averages of a network's weights along its training, which often serve better than the last."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


class Moving(nn.Module):
    """An exponential moving average of a network's weights and statistics.

    It forgets faster while young, so that the first weights do not linger: of the n-th step
    the decay is at most (1 + n) / (10 + n), as TensorFlow's ExponentialMovingAverage has it.
    Polyak, B. and Juditsky, A., "Acceleration of stochastic approximation by averaging", 1992.

    Attributes
    ----------
    network
        The average; nothing else trains it.
    """

    steps: Tensor

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self._decay = decay

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Take in the weights after a step."""
        count = int(self.steps)
        self.steps += 1
        toward = 1 - min(self._decay, (1 + count) / (10 + count))
        for mine, theirs in zip(_tensors(self.network), _tensors(network), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, toward)
            else:
                mine.copy_(theirs)


def mean_of(states: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several state dicts; of whole numbers the last one's.

    Izmailov, P. et al., "Averaging weights leads to wider optima and better generalization",
    UAI 2018, with the means of the batch statistics instead of new ones.
    """
    every = list(states)
    return {
        name: torch.stack([state[name] for state in every]).mean(0)
        if last.is_floating_point()
        else last
        for name, last in every[-1].items()
    }


def kept(network: nn.Module) -> dict[str, Tensor]:
    """A copy of a network's state, on the CPU."""
    return {name: one.detach().to("cpu", copy=True) for name, one in network.state_dict().items()}


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
