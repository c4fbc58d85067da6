"""How far a fold's training is."""

from __future__ import annotations

import time
from typing import Any


class Pace:
    """Counts batches and seconds; whichever budget is nearer its end says how far we are.

    The learning rate follows that share, so that it has come to rest when the time is up, on
    a fast machine as on a slow one.

    Parameters
    ----------
    batches
        In all epochs of the recipe.
    seconds
        For this fold; None for as long as it takes.
    """

    def __init__(self, batches: int, seconds: float | None) -> None:
        self._batches = batches
        self._seconds = seconds
        self._started = time.monotonic()
        self._done = 0

    def tick(self) -> None:
        """Count a batch."""
        self._done += 1

    def share(self) -> float:
        """How far the fold is, 0..1."""
        by_batches = self._done / self._batches
        by_time = self.elapsed() / self._seconds if self._seconds else 0.0
        return min(1.0, max(by_batches, by_time))

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def seconds_left(self) -> float | None:
        """Until the fold's end; None until a batch is done."""
        share = self.share()
        return self.elapsed() * (1 / share - 1) if self._done else None

    def state(self) -> dict[str, Any]:
        """All that `restore` wants."""
        return {"done": self._done, "elapsed": self.elapsed(), "seconds": self._seconds}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from another's `state`, its time not counting while nobody trained."""
        self._done, self._seconds = state["done"], state["seconds"]
        self._started = time.monotonic() - state["elapsed"]
