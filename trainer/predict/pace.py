"""How far a batch of predictions is."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from trainer.errors import TrainerError


@dataclass(frozen=True, slots=True)
class Step:
    """How far a batch of predictions is.

    Attributes
    ----------
    case_id
        The case at work.
    done, total
        Cases finished (with or without an error), parts of one counted, and all of them.
    seconds_left
        None until it can be told.
    error
        Why the case just finished has no prediction.
    kept
        Whether the case's prediction has just been written.
    passed
        Whether the case was passed over, as its prediction was there already.
    member
        Whose opinion of the case has just been written, where these are kept.
    notice
        What had to be done for want of memory.
    """

    case_id: str
    done: float
    total: int
    seconds_left: float | None
    error: TrainerError | None = None
    kept: bool = False
    passed: bool = False
    member: str = ""
    notice: str = ""


class Pace:
    """Makes steps with the time left, guessed from the time gone."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._started = time.monotonic()
        self._last = Step("", 0, total, None)

    def step(self, case_id: str, done: float, error: TrainerError | None = None) -> Step:
        """How far it is now."""
        elapsed = time.monotonic() - self._started
        left = elapsed / done * (self._total - done) if done else None
        self._last = Step(case_id, done, self._total, left, error)
        return self._last

    def again(self, case_id: str | None = None) -> Step:
        """How far it was, told of this case."""
        return replace(self._last, case_id=case_id or self._last.case_id, error=None)
