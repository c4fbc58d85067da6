"""The sides that a reviewer may take; what is right is not known here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trainer.data.case import Mask
from trainer.data.edits import Box
from trainer.data.findings import find
from trainer.study.effort_actions import Proposal, deepest, units_of
from trainer.tools import sides
from trainer.tools.scene import Scene
from trainer.tools.suggestion import suggested

_SPECK = 16
"""Pixels of a piece that is worth a key."""


def offered(begun: Scene, shown: Mask) -> list[Proposal]:
    """Truth's side, the prediction's and neither, at every finding between the two.

    Parameters
    ----------
    begun
        Its mask is the prediction's.
    shown
        The truth as a reviewer is shown it.
    """
    predicted = begun.mask.copy()
    found: list[Proposal] = []
    for number, finding in enumerate(find(shown, predicted, begun.levels)):
        box, region = Box(*finding.box), finding.region
        found += (
            Proposal(
                ("take truth", number), box, 1,
                lambda scene, b=box, r=region: sides.take(scene, b, r, shown, "take truth"),
            ),
            Proposal(
                ("take prediction", number), box, 1,
                lambda scene, b=box, r=region: sides.take(
                    scene, b, r, predicted, "take prediction"
                ),
            ),
            Proposal(
                ("clear", number), box, 1,
                lambda scene, b=box, r=region: sides.clear(scene, b, r),
            ),
        )  # fmt: skip
    return found


def all_of_truth(shown: Mask) -> Proposal:
    """Truth as it is shown in the whole case, as the same key does away from a finding."""
    whole, everywhere = Box.whole(shown), np.ones(shown.shape, bool)
    return Proposal(
        ("take truth", "everywhere"), whole, 1,
        lambda scene: sides.take(scene, whole, everywhere, shown, "take truth"),
    )  # fmt: skip


def all_as_suggested(begun: Scene, shown: Mask) -> Proposal | None:
    """Every finding as the tool suggests; None without a prediction.

    Parameters
    ----------
    begun, shown
        As `offered` has them.
    """
    if begun.levels is None:
        return None
    whole, region = Box.whole(shown), begun.mask != shown
    suggestion = suggested(shown, begun.mask, begun.levels)
    return Proposal(
        ("take suggestion", "everywhere"), whole, 1,
        lambda scene: sides.take(scene, whole, region, suggestion, "take suggestion"),
    )  # fmt: skip


def piecewise(mask: Mask, other: Mask, tool: sides.Side) -> Iterator[Proposal]:
    """One side at one connected piece of what it differs in from the mask as it is."""
    for piece in units_of(mask ^ other):
        if piece.area >= _SPECK:
            point, _ = deepest(piece.inside, piece.box)
            yield Proposal(
                ("take piece", tool, point, piece.box), piece.box, 1,
                lambda scene, p=point: sides.take_piece(scene, p, other, tool),
            )  # fmt: skip
