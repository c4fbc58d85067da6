"""What gestures did when they were tried last: most of the image stays as it was."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from trainer.data.edits import Box, Edit
from trainer.study.effort_actions import Proposal, is_near
from trainer.study.effort_score import Score
from trainer.tools.scene import Scene


@dataclass(slots=True)
class _Known:
    """What a gesture did when it was tried last.

    Attributes
    ----------
    site
        The place that it depends on.
    edit
        What it did.
    has_gained
        Whether Dice was higher after it.
    is_stale
        Whether the mask has changed at its site since.
    """

    site: Box
    edit: Edit | None
    has_gained: bool
    is_stale: bool = False


class Tried:
    """Gestures that were tried already, so that only what may have changed is tried again."""

    def __init__(self, scene: Scene, score: Score) -> None:
        self._scene, self._score = scene, score
        self._known: dict[Hashable, _Known] = {}

    def learn(self, other: Tried) -> None:
        """Take over what was tried on the same mask."""
        self._known |= {key: replace(known) for key, known in other._known.items()}

    def edit(self, one: Proposal) -> Edit | None:
        """What a gesture does now."""
        known = self._known.get(one.key)
        if known is None or known.is_stale:
            found = one.act(self._scene)
            site = one.site if found is None else one.site.union(found.box)
            gains = found is not None and self._score.after(found) > self._score.dice
            known = self._known[one.key] = _Known(site, found, gains)
        return known.edit

    def is_hopeless(self, one: Proposal) -> bool:
        """Whether a gesture gained nothing when it was tried last."""
        known = self._known.get(one.key)
        return known is not None and not known.has_gained

    def forget(self, changed: Box) -> None:
        """Take note that the mask has changed in a box."""
        for known in self._known.values():
            known.is_stale |= is_near(known.site, changed)
