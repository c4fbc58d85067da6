"""What can go wrong, each told in one sentence that a user can act on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any


class TrainerError(Exception):
    """A problem that the user can mend.

    Parameters
    ----------
    problem
        What is wrong, in words, with what was found and what was wanted.
    file
        The file it concerns.
    row
        The row of that file as a spreadsheet shows it (the header is row 1).
    case
        The id of the case it concerns.
    remedy
        What to do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: Path | str | None = None,
        row: int | None = None,
        case: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = None if file is None else Path(file)
        self.row = row
        self.case = case
        self.remedy = remedy
        super().__init__(self._sentence())

    def __reduce__(self) -> tuple[Any, ...]:
        """Between processes it stays what it is."""
        told = {"file": self.file, "row": self.row, "case": self.case, "remedy": self.remedy}
        return partial(type(self), self.problem, **told), ()

    def _sentence(self) -> str:
        where = [str(self.file)] if self.file is not None else []
        if self.row is not None:
            where.append(f"row {self.row}")
        if self.case is not None:
            where.append(f"case {self.case}")
        place = ", ".join(where)
        told = f"{place}: {self.problem}" if place else self.problem
        return f"{told}; {self.remedy}." if self.remedy else f"{told}."


class CohortError(TrainerError):
    """A folder or its csv is not a cohort."""


class ImageError(TrainerError):
    """An image cannot be read as RGB."""


class MaskError(TrainerError):
    """A mask, its run lengths or its polygons contradict themselves or their image."""


class SettingsError(TrainerError):
    """A recipe or an ensemble says something that cannot be done."""


class WeightsError(TrainerError):
    """A weights file is missing, untrusted, or does not fit its network."""


class StoreError(TrainerError):
    """Reviews cannot be read or kept."""


class ClaimError(StoreError):
    """Another reviewer has the case in hand, or has changed it."""


class PredictionError(TrainerError):
    """Predictions cannot be read or kept."""


class ExportError(TrainerError):
    """Masks cannot be written where or as they were asked for."""


class DeviceError(TrainerError):
    """The device is not there or has too little memory."""


class Cancelled(Exception):  # noqa: N818  (not an error: the user's own wish)
    """The user asked for the work to stop."""
