"""A round of blind second looks that is not at its end, as a file beside the store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveInt, ValidationError

from trainer.data import rle
from trainer.data.atomic import replacing
from trainer.data.case import Mask
from trainer.data.store import user_name
from trainer.errors import StoreError


class Round(BaseModel):
    """Cases that are drawn anew one after another, and the drawing in hand.

    Attributes
    ----------
    drawn
        Every case of the round, in the order of the looks.
    place
        Of the case in hand, from 0.
    skipped
        How many were left out.
    revision
        Of the case in hand: the one it will be compared with.
    seconds
        Spent on the case in hand so far.
    shape, runs
        The drawing in hand as run lengths; no shape where nothing is drawn yet.
    """

    model_config = ConfigDict(extra="forbid")

    drawn: tuple[str, ...]
    place: int = 0
    skipped: int = 0
    revision: int = 0
    seconds: NonNegativeFloat = 0.0
    shape: tuple[PositiveInt, PositiveInt] | None = None
    runs: str = ""

    @property
    def case_id(self) -> str | None:
        """The case in hand; None at the round's end."""
        return self.drawn[self.place] if self.place < len(self.drawn) else None

    def mask(self) -> Mask | None:
        """The drawing in hand; None where nothing is drawn yet."""
        return None if self.shape is None else rle.decode(self.runs, self.shape)

    def put(self, mask: Mask) -> None:
        """Take the drawing in hand; an empty one is as none."""
        self.runs = rle.encode(mask)
        self.shape = (mask.shape[0], mask.shape[1]) if self.runs else None

    def turn(self) -> None:
        """Go to the next case, with nothing drawn of it."""
        self.place += 1
        self.seconds, self.shape, self.runs = 0.0, None, ""

    # -- as a file ----------------------------------------------------------------------

    def write(self, folder: Path) -> None:
        """Keep the round in a cohort's folder.

        Raises
        ------
        StoreError
            If it cannot be written; the state before is then still there.
        """
        with replacing(place(folder), StoreError) as draft:
            draft.write_text(self.model_dump_json(), "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The user's own round in a cohort's folder; None where there is none.

        Raises
        ------
        StoreError
            If it cannot be read.
        """
        path = place(folder)
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot be read ({error.strerror})", file=path) from error
        except ValidationError:
            raise StoreError(
                "is not a round of second looks", file=path, remedy="move it away and draw anew"
            ) from None


def place(folder: Path) -> Path:
    """Where the round of this program's user is kept."""
    name = re.sub(r"[^\w-]", "_", user_name())
    return folder / f"second_look.{name}.json"
