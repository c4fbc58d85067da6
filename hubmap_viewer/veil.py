"""A case that is drawn blind: what a reviewer must not see while they draw it anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hubmap_viewer.loading import Loaded
from hubmap_viewer.scores import Scores
from trainer.data.case import Mask


@dataclass(slots=True)
class Veil:
    """Over one case: it opens with its image alone, and its scores are away meanwhile.

    Attributes
    ----------
    drawn
        What was drawn of it before an interruption, uint8 (H, W); None to begin anew.
    scores
        The case's, kept here until the veil is lifted.
    """

    case_id: str
    drawn: Mask | None = None
    scores: Scores | None = None

    def over(self, loaded: Loaded) -> Loaded:
        """The case without any mask but what was drawn blind."""
        fits = self.drawn is not None and self.drawn.shape == loaded.shape
        curated = self.drawn.copy() if fits and self.drawn is not None else _blank(loaded.shape)
        return replace(
            loaded,
            truth=None,
            truth_outline=None,
            predicted=None,
            second=None,
            curated=curated,
            start="nothing",
            agreement=None,
            predicted_agreement=None,
        )

    def take(self, scores: Mapping[str, Scores]) -> dict[str, Scores]:
        """Keep the case's new scores here; returns the others'."""
        self.scores = scores.get(self.case_id, self.scores)
        return {case_id: each for case_id, each in scores.items() if case_id != self.case_id}


def _blank(shape: tuple[int, int]) -> Mask:
    return np.zeros(shape, np.uint8)
