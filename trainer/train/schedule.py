"""The learning rate's share of its highest."""

from __future__ import annotations

import math
from typing import Any

from trainer.settings import Training

_LOWEST = 0.01
"""Of the rise: the first step is one."""


class Schedule:
    """A rise, then what the recipe's schedule says of the rest.

    Cosine: Loshchilov, I. and Hutter, F., "SGDR", ICLR 2017, without restarts. Poly: Liu, W. et
    al., "ParseNet", 2015. Plateau halves the rate; it goes by the training's loss, so that
    held-out cases choose nothing.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        self._best = math.inf
        self._without = 0
        self._halved = 0

    def rate(self, share: float) -> float:
        """At a share of the training, 0..1."""
        warm_up = self._training.warm_up
        if share < warm_up:
            return max(share / warm_up, _LOWEST)
        rest = (share - warm_up) / (1 - warm_up)
        match self._training.schedule:
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * rest))
            case "poly":
                return (1 - rest) ** self._training.power
            case "plateau":
                return 0.5**self._halved
            case "constant":
                return 1.0

    def heard(self, loss: float) -> None:
        """An epoch's loss of training; halves a plateau's rate after too many that are no lower."""
        self._without = 0 if loss < self._best else self._without + 1
        self._best = min(self._best, loss)
        if self._without >= self._training.plateau_epochs:
            self._without = 0
            self._halved += 1

    def state(self) -> dict[str, Any]:
        """All that `restore` wants."""
        return {"best": self._best, "without": self._without, "halved": self._halved}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from another's `state`."""
        self._best, self._without = state["best"], state["without"]
        self._halved = state["halved"]
