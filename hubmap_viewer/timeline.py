"""The revisions of the open case: what each changed, to be looked at, compared and restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import cv2
import numpy as np
from psygnal import Signal

from hubmap_viewer import colours
from hubmap_viewer.finding_list import Call
from hubmap_viewer.preview import Preview
from hubmap_viewer.session import Session
from trainer.data.case import Image, Mask
from trainer.data.store import Revision, Store
from trainer.metrics import dice

SIDE = 56
"""Longer side of a picture in pixels."""

SITTING = timedelta(minutes=5)
"""Saves of one author that follow each other sooner are one moment of the timeline."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One state of the mask on the timeline.

    Attributes
    ----------
    revision
        Its last revision.
    saves
        How many revisions it stands for.
    seconds
        Of active work in them.
    pixels
        That they changed.
    picture
        RGB uint8, the mask light on dark; what was added and taken away in colours.
    """

    revision: Revision
    saves: int
    seconds: float
    pixels: int
    picture: Image


class Timeline:
    """The open case's moments, oldest first."""

    changed = Signal()

    def __init__(self, session: Session, call: Call, preview: Preview) -> None:
        self._session = session
        self._call = call
        self._preview = preview
        self._turn = 0
        self._pictures: dict[tuple[int | None, int], Image] = {}
        self.moments: list[Moment] = []
        self.said = ""
        session.case_opened.connect(self._restart)
        session.cohort_opened.connect(self._restart)
        session.saved.connect(self._on_saved)

    def look(self, moment: Moment) -> None:
        """Outline a moment's mask on the canvas, and say how it differs from the mask now."""
        store, here = self._session.store, self._session.open
        if store is None or here is None:
            return
        now = here.curated.copy()
        work = partial(_compared, store, moment.revision, now)
        self._call(work, partial(self._shown, here.id, moment), self._session.told.emit)

    def stop(self) -> None:
        """Look at none."""
        self.said = ""
        self._preview.hide()
        self.changed.emit()

    def restore(self, moment: Moment) -> None:
        """Make a moment's mask the curated one: as an edit, so as a new revision."""
        store, here = self._session.store, self._session.open
        if store is None or here is None:
            return
        case_id = here.id

        def put(mask: Mask) -> None:
            if self._session.open is not None and self._session.open.id == case_id:
                self.stop()
                self._session.drawing.restore(mask, moment.revision)

        self._call(partial(store.mask, moment.revision), put, self._session.told.emit)

    # -- reading --------------------------------------------------------------------------

    def _on_saved(self, case_id: str) -> None:
        if self._session.open is not None and self._session.open.id == case_id:
            self._read()

    def _restart(self) -> None:
        self._pictures.clear()
        self.moments, self.said = [], ""
        self.changed.emit()
        self._read()

    def _read(self) -> None:
        self._turn += 1
        store, here = self._session.store, self._session.open
        if store is None or here is None or here.blind:
            return
        work = partial(_moments, store, here.id, dict(self._pictures))
        self._call(work, partial(self._put, self._turn), self._session.told.emit)

    def _put(self, turn: int, moments: list[Moment]) -> None:
        if turn != self._turn:
            return
        before = [None, *(one.revision.id for one in moments)]
        self._pictures = {
            (parent, one.revision.id): one.picture
            for parent, one in zip(before, moments, strict=False)
        }
        self.moments = moments
        self.changed.emit()

    def _shown(self, case_id: str, moment: Moment, found: tuple[Mask, float, int]) -> None:
        here = self._session.open
        if here is None or here.id != case_id:
            return
        mask, agreement, pixels = found
        size = here.loaded.case.pixel_size
        differs = f"{pixels:,} px" if size is None else f"{pixels * size**2:,.0f} µm²"
        self.said = f"Dice with the mask now {agreement:.3f}; {differs} differ"
        self._preview.show(mask, f"revision {moment.revision.id}")
        self.changed.emit()


def sittings(history: Sequence[Revision]) -> list[list[Revision]]:
    """Revisions that follow each other soon, by one author and with one status, together."""
    groups: list[list[Revision]] = []
    for one in history:
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and (last.author, last.status) == (one.author, one.status)
            and timedelta() <= one.created - last.created < SITTING
        ):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _moments(
    store: Store, case_id: str, drawn: dict[tuple[int | None, int], Image]
) -> list[Moment]:
    moments: list[Moment] = []
    parent: Revision | None = None
    for group in sittings(store.history(case_id)):
        last = group[-1]
        key = (None if parent is None else parent.id, last.id)
        picture = drawn.get(key)
        if picture is None:
            before = None if parent is None else store.mask(parent)
            picture = changes(before, store.mask(last))
        seconds, pixels = (sum(getattr(one, name) for one in group) for name in _SUMS)
        moments.append(Moment(last, len(group), seconds, int(pixels), picture))
        parent = last
    return moments


_SUMS = ("seconds", "pixels")


def changes(before: Mask | None, after: Mask) -> Image:
    """A small picture of a mask: what it gained and lost since the one before in colours."""
    height, width = after.shape
    factor = SIDE / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))

    def small(mask: Mask) -> np.ndarray:
        return cv2.resize(255 * mask, size, interpolation=cv2.INTER_AREA)[..., None] / 255

    fits = before is not None and before.shape == after.shape
    was = after if not fits or before is None else before
    picture = np.full((size[1], size[0], 3), _DARK, float)
    for part, colour in (
        (after & was, _LIGHT),
        (after & (1 - was), colours.rgb(colours.CURATED)),
        (was & (1 - after), colours.rgb(colours.KIND["missed"])),
    ):
        picture += small(part) * (np.asarray(colour, float) - picture)
    return picture.round().astype(np.uint8)


_DARK, _LIGHT = (38, 41, 48), (200, 204, 210)


def _compared(store: Store, revision: Revision, now: Mask) -> tuple[Mask, float, int]:
    mask = store.mask(revision)
    if mask.shape != now.shape:
        return mask, 0.0, mask.size
    return mask, dice(mask, now), int(cv2.countNonZero(mask ^ now))
