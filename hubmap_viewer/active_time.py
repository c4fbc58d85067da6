"""How long a person has worked on a case, told from their gestures."""

from __future__ import annotations

import time
from collections.abc import Callable

IDLE = 30.0
"""Seconds: who makes no gesture for longer is counted as gone after that."""


class ActiveTime:
    """Sums the time between gestures, each pause counted as `IDLE` at the most.

    Parameters
    ----------
    clock
        Tells seconds and never goes back; what it leaps while a computer sleeps is a pause.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._sum = 0.0

    def mark(self) -> None:
        """The person has just done something."""
        now = self._clock()
        self._sum += min(now - self._last, IDLE)
        self._last = now

    def restart(self) -> None:
        """Another case: what was before is not counted for it."""
        self._last, self._sum = self._clock(), 0.0

    def take(self) -> float:
        """Seconds of work since the last call, the time until now among them."""
        self.mark()
        seconds, self._sum = self._sum, 0.0
        return seconds


def clock(seconds: float | None) -> str:
    """Minutes and seconds left, with fixed digits."""
    if seconds is None:
        return "--:--"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"
