"""What a window and the process that predicts for it say to each other: a JSON a line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from trainer.settings import DenseCrf


class Request(BaseModel):
    """A wish of the window.

    Attributes
    ----------
    want
        ``devices``: say what there is; ``predict``: predict the cases; ``refine``: refine the
        probability of one by its image; ``preview``: draw what a training would show its
        network; ``cancel``: stop that.
    ensemble
        Its YAML.
    keep_members
        Whether single members' probabilities are kept as well.
    members_from
        A folder of predictions: members' probabilities that are kept there need no network.
    device
        A name from the list of devices; None for the best.
    crf
        By which a probability is refined.
    levels
        Where that lies, uint8 (h, w) as numpy saves it; what comes of it takes its place.
    recipe
        Its YAML.
    curated
        Whether accepted masks take their cases' truth's place.
    count
        Of the cases that are drawn.
    seed
        Of chance; None for the recipe's.
    folder
        Where pictures are to be written, each case's as numpy's ``savez`` has several.
    """

    model_config = ConfigDict(frozen=True)

    want: Literal["devices", "predict", "refine", "preview", "cancel"]
    cohort: Path | None = None
    ensemble: Path | None = None
    cases: tuple[str, ...] = ()
    keep_members: bool = False
    members_from: Path | None = None
    device: str | None = None
    crf: DenseCrf | None = None
    levels: Path | None = None
    recipe: Path | None = None
    curated: bool = False
    count: int = 0
    seed: int | None = None
    folder: Path | None = None


class Reply(BaseModel):
    """An answer of the process.

    Attributes
    ----------
    kind
        ``devices`` and ``done``, ``cancelled``, ``failed`` end a request; ``began`` and
        ``step`` go before.
    devices
        Name to description, the best first.
    folder
        Where the predictions are kept.
    done
        Cases finished, the one at work counted as far as it is.
    kept
        Whether this case's prediction is there now.
    pictures
        Of this case: its file.
    member
        Whose probabilities of the case have just been written, where these are kept.
    notice
        What had to be done for want of memory.
    problem
        Of a step: why this case has none. Of ``failed``: why all stopped.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["devices", "began", "step", "done", "cancelled", "failed"]
    devices: dict[str, str] = {}
    folder: Path | None = None
    case_id: str = ""
    done: float = 0.0
    total: int = 0
    seconds_left: float | None = None
    kept: bool = False
    pictures: Path | None = None
    member: str = ""
    notice: str = ""
    problem: str = ""
