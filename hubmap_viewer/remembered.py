"""What the window showed of a cohort, for the next time it is opened."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from hubmap_viewer.case_queue import CaseQueue, Filter
from hubmap_viewer.columns import BY_NAME, COLUMNS


@dataclass(frozen=True, slots=True)
class Remembered:
    """The queue as it was left.

    Attributes
    ----------
    columns
        Names of the columns that are shown.
    column
        Name of the one that is sorted by; empty for the csv's order.
    case
        Id of the case that was open last.
    """

    columns: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.usual)
    filter: Filter = field(default_factory=Filter)
    column: str = ""
    descending: bool = False
    case: str = ""


def note(queue: CaseQueue, columns: tuple[str, ...], case: str) -> Remembered:
    """The queue as it is now."""
    sorted_by = "" if queue.column is None else queue.column.name
    return Remembered(columns, queue.filter, sorted_by, queue.descending, case)


def save(folder: Path, remembered: Remembered) -> None:
    """Keep it for a cohort; where that is not possible, the next start is a fresh one."""
    place = _place(folder)
    draft = place.with_suffix(".part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(asdict(remembered)), encoding="utf-8")
        draft.replace(place)
    except OSError:
        return


def load(folder: Path) -> Remembered:
    """What was kept for a cohort; what is not understood is left out."""
    try:
        told = json.loads(_place(folder).read_text(encoding="utf-8"))
        return _understood(told)
    except (OSError, ValueError, TypeError, KeyError):
        return Remembered()


def _understood(told: dict[str, Any]) -> Remembered:
    kept = told["filter"]
    wanted = Filter(**(kept | {"only": tuple(kept["only"])}))
    columns = tuple(name for name in told["columns"] if name in BY_NAME)
    if wanted.score and wanted.score not in BY_NAME:
        raise ValueError(wanted.score)
    column = told["column"] if told["column"] in BY_NAME else ""
    return Remembered(columns, wanted, column, bool(told["descending"]), str(told["case"]))


def _place(folder: Path) -> Path:
    name = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=12).hexdigest()
    return user_state_path("hubmap-viewer") / "cohorts" / f"{name}.json"
