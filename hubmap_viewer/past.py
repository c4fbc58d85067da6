"""What led to a case's mask, in this window and before it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from trainer.data.case import Mask
from trainer.data.edits import History
from trainer.data.predictions import Predictions
from trainer.data.store import Origin, Start, Store, Story

if TYPE_CHECKING:
    from hubmap_viewer.loading import Sources

_WHOLE: dict[str, Origin] = {
    "truth": "truth",
    "prediction": "raw prediction",
    "nothing": "redrawn",
}
"""What a mask is that one tool made as a whole."""

_DRAWN_ON: dict[Origin, Origin] = {"truth": "redrawn", "raw prediction": "edited prediction"}


@dataclass(frozen=True, slots=True)
class Past:
    """The edits of a case and what its mask was before them.

    Attributes
    ----------
    began_as
        What the mask was before the first edit.
    started_from
        The ensemble whose prediction that was; None if it was none.
    history
        The edits, those that were undone among them.
    goes_on
        Whether the journal ends with the mask as it is: the next stroke follows it.
    """

    began_as: Origin
    started_from: Start | None = None
    history: History = field(default_factory=History)
    goes_on: bool = False

    @property
    def origin(self) -> Origin:
        """What the mask is after the edits."""
        origin = self.began_as
        for edit in self.history:
            if not edit.pixels:
                continue
            origin = _WHOLE.get(edit.tool) or _DRAWN_ON.get(origin, origin)
        return origin


@dataclass(frozen=True, slots=True, eq=False)
class Lost:
    """A state of the mask that the journal holds and no revision does.

    Attributes
    ----------
    mask
        uint8 (H, W), 0 or 1.
    past
        What led to it.
    strokes
        How many strokes are in no revision.
    story
        What the journal tells: when, and by whom.
    """

    mask: Mask
    past: Past
    strokes: int
    story: Story


def start_of(predictions: Predictions, threshold: float, *, remixed: bool = False) -> Start:
    """The ensemble and threshold of a prediction that a mask starts from.

    Another mix of its members, such as one that is being tried, has no fingerprint.
    """
    told = predictions.description
    name, known_by = str(told.get("ensemble", "")), str(told.get("fingerprint", ""))
    return (
        Start(f"{name} (other weights)", "", threshold)
        if remixed
        else Start(name, known_by, threshold)
    )


def told_by_journal(
    sources: Sources, case_id: str, curated: Mask, begun: Past
) -> tuple[Past, Lost | None]:
    """What the journal knows of the open mask's past, and what it holds besides.

    Parameters
    ----------
    sources
        Where things are read from.
    case_id
        The case.
    curated
        Its mask as the store has it, or as its review begins.
    begun
        What `curated` is without the journal.
    """
    story = None if sources.journal is None else sources.journal.read(case_id)
    if story is None or not story.strokes or story.base.shape != curated.shape:
        return begun, None
    before, mask = _base(sources, story, begun)
    last = story.replay(mask)
    past = replace(before, history=History.of(*story.history()), goes_on=True)
    if np.array_equal(last, curated):
        return past, None
    if not story.unkept:
        return begun, None
    return begun, Lost(last, past, len(story.unkept), story)


def ends_as(store: Store, story: Story) -> Mask:
    """The mask that a journal's strokes end with, uint8 (H, W)."""
    number = story.base.revision_id
    return story.replay(None if number is None else store.mask(store.revision(number)))


def _base(sources: Sources, story: Story, begun: Past) -> tuple[Past, Mask | None]:
    """What the mask was at the beginning of the journal's strokes."""
    if story.base.revision_id is None or sources.store is None:
        return begun, None
    revision = sources.store.revision(story.base.revision_id)
    return Past(revision.origin, revision.started_from), sources.store.mask(revision)
