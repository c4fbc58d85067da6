"""Members' weights that were tried and not written, kept beside the predictions they mix."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from trainer.data.atomic import replacing
from trainer.errors import PredictionError

FILE = "review/tried_weights.json"
"""In the folder of predictions."""


class Trial(BaseModel):
    """What is tried of one member.

    Attributes
    ----------
    name
        The member's, as the list shows it.
    on
        Whether it is asked at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    weight: float = Field(ge=0, allow_inf_nan=False)
    weights_by_organ: dict[str, float] = {}
    on: bool = True


_TRIALS = TypeAdapter(tuple[Trial, ...])


def read(folder: Path) -> tuple[Trial, ...]:
    """Nothing where there is no such file or it is damaged: only what was tried is lost."""
    try:
        return _TRIALS.validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return ()


def write(folder: Path, trials: Sequence[Trial]) -> None:
    """Keep what is tried; none of it forgets what was.

    Raises
    ------
    PredictionError
        If it cannot be written.
    """
    if tuple(trials) == read(folder):
        return
    with replacing(folder / FILE, PredictionError) as draft:
        draft.write_text(json.dumps([one.model_dump() for one in trials], indent=2), "utf-8")
