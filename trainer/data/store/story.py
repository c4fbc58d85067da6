"""What a case's journal tells: a mask, and the strokes that have changed it since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from trainer.data.case import Mask
from trainer.data.edits import Edit
from trainer.data.store.packing import digest
from trainer.errors import StoreError

Kind = Literal["edit", "undo", "redo"]


@dataclass(frozen=True, slots=True)
class Stroke:
    """One gesture of a reviewer.

    Attributes
    ----------
    edit
        What changed. Of an undo or a redo it may be left out: it is then the edit before, or
        the one undone last.
    seconds
        Of active work since the stroke before.
    at
        When, in UTC.
    """

    kind: Kind
    edit: Edit | None
    seconds: float
    at: datetime
    author: str


@dataclass(frozen=True, slots=True)
class Base:
    """What the strokes of a chain change.

    Attributes
    ----------
    revision_id
        Of the revision whose mask it is; None where it is in no revision.
    digest, shape
        Of the mask.
    mask
        The mask itself, uint8 (H, W), where it is in no revision: what it was taken from may
        be another one by the time it is wanted.
    """

    case_id: str
    revision_id: int | None
    digest: str
    shape: tuple[int, int]
    mask: Mask | None


@dataclass(frozen=True, slots=True)
class Story:
    """The last chain of strokes in a case's journal.

    Attributes
    ----------
    kept
        How many of the strokes are in the newest revision that was kept of the chain.
    kept_id
        Of that revision; the base's where none was kept.
    torn
        Whether the journal's end was being written when the program died; that stroke is lost.
    """

    base: Base
    strokes: tuple[Stroke, ...]
    kept: int
    kept_id: int | None
    torn: bool

    @property
    def unkept(self) -> tuple[Stroke, ...]:
        """The strokes that are in no revision."""
        return self.strokes[self.kept :]

    def replay(self, mask: Mask | None = None) -> Mask:
        """The mask after all strokes, uint8 (H, W).

        Parameters
        ----------
        mask
            The base's mask; may be left out where the base has its own. It stays as it is.

        Raises
        ------
        StoreError
            If that is another mask than the strokes were drawn on, or they contradict each
            other.
        """
        mask = self.base.mask if mask is None else mask
        if mask is None or digest(mask) != self.base.digest:
            raise StoreError(
                "its strokes were drawn on another mask",
                case=self.base.case_id,
                remedy="go back to the newest revision",
            )
        after = mask.copy()
        for edit in self._flips():
            edit.apply(after)
        return after

    def history(self) -> tuple[list[Edit], list[Edit]]:
        """The edits that are done and those that are undone, each oldest first.

        `trainer.data.edits.History.of` makes a history of them, so that undo and redo go on
        across a restart.

        Raises
        ------
        StoreError
            If the strokes contradict each other.
        """
        done: list[Edit] = []
        undone: list[Edit] = []
        for _ in self._travel(done, undone):
            pass
        return done, undone

    def seconds(self) -> float:
        """Of active work in the strokes that are in no revision."""
        return sum(stroke.seconds for stroke in self.unkept)

    def pixels(self) -> int:
        """That the strokes have flipped that are in no revision, one by one."""
        return sum(edit.pixels for edit in list(self._flips())[self.kept :])

    def _flips(self) -> Iterator[Edit]:
        """The edit that each stroke made or took back: either flips its pixels."""
        return self._travel([], [])

    def _travel(self, done: list[Edit], undone: list[Edit]) -> Iterator[Edit]:
        for stroke in self.strokes:
            if stroke.kind == "edit":
                edit = stroke.edit
                undone.clear()
                done += _some(edit)
            else:
                source, target = (done, undone) if stroke.kind == "undo" else (undone, done)
                edit = source.pop() if source else stroke.edit
                target += _some(edit)
            if edit is None:
                raise StoreError(
                    f"its journal has nothing to {stroke.kind}",
                    case=self.base.case_id,
                    remedy="go back to the newest revision",
                )
            yield edit


def _some(edit: Edit | None) -> Iterable[Edit]:
    return () if edit is None else (edit,)
