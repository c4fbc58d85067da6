"""What a window and the process that predicts for it say to each other: a JSON a line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """A wish of the window.

    Attributes
    ----------
    want
        ``devices``: say what there is; ``predict``: predict the cases; ``cancel``: stop that.
    ensemble
        Its YAML.
    keep_members
        Whether single members' probabilities are kept as well.
    members_from
        A folder of predictions: members' probabilities that are kept there need no network.
    device
        A name from the list of devices; None for the best.
    """

    model_config = ConfigDict(frozen=True)

    want: Literal["devices", "predict", "cancel"]
    cohort: Path | None = None
    ensemble: Path | None = None
    cases: tuple[str, ...] = ()
    keep_members: bool = False
    members_from: Path | None = None
    device: str | None = None


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
    member: str = ""
    notice: str = ""
    problem: str = ""
