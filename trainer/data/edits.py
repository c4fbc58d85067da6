"""Reversible edits of a mask, kept as the bits that changed inside a bounding box."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import cv2
import numpy as np

from trainer.data.case import Mask

HISTORY_BYTES = 64 * 2**20
"""What one case's history may hold before its oldest edits are forgotten."""


class Box(NamedTuple):
    """Rows ``top:bottom`` and columns ``left:right`` of a mask, in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def whole(cls, mask: Mask) -> Self:
        return cls(0, 0, *mask.shape)

    def of(self, mask: Mask) -> Mask:
        """The part of the mask inside the box: a view."""
        return mask[self.top : self.bottom, self.left : self.right]

    def union(self, other: Box) -> Box:
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def intersection(self, other: Box) -> Box:
        """What both boxes hold; without area where that is nothing."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Box(top, left, max(bottom, top), max(right, left))


@dataclass(frozen=True, slots=True)
class Edit:
    """What one gesture changed; applying it twice changes nothing.

    Attributes
    ----------
    bits
        The flipped pixels inside ``box``: packed, row by row, and deflated.
    pixels
        How many pixels flipped.
    parameters
        What the tool was told, such as its radius: plain values that JSON can hold.
    """

    tool: str
    box: Box
    bits: bytes
    pixels: int
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def between(
        cls,
        before: Mask,
        after: Mask,
        tool: str,
        box: Box | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Edit | None:
        """The edit that leads from one mask to the other; None where they are alike.

        Parameters
        ----------
        before, after
            uint8 (H, W), 0 or 1.
        tool
            What made the change, in a word.
        box
            Where to look; everywhere if not given.
        parameters
            What the tool was told.
        """
        if box is None:
            # mostly nothing has: that is told sooner than where they differ
            if not cv2.norm(before, after, cv2.NORM_INF):
                return None
            box = Box.whole(after)
        flipped = cv2.bitwise_xor(box.of(before), box.of(after))
        left, top, width, height = cv2.boundingRect(flipped)
        if width == 0:
            return None
        tight = flipped[top : top + height, left : left + width]
        place = Box(box.top + top, box.left + left, box.top + top + height, box.left + left + width)
        packed = np.packbits(np.asarray(tight, np.uint8)).tobytes()
        pixels = cv2.countNonZero(tight)
        return cls(tool, place, zlib.compress(packed, 1), pixels, parameters or {})

    @classmethod
    def nothing(cls, tool: str) -> Edit:
        """A gesture that left every pixel as it was, and is yet to be remembered."""
        return cls(tool, Box(0, 0, 0, 0), zlib.compress(b""), 0)

    def apply(self, mask: Mask) -> None:
        """Flip the edit's pixels in place."""
        part = self.box.of(mask)
        packed = np.frombuffer(zlib.decompress(self.bits), np.uint8)
        part ^= np.unpackbits(packed, count=part.size).reshape(part.shape)


class History:
    """The edits of one case, those that were undone among them."""

    def __init__(self) -> None:
        self._done: deque[Edit] = deque()
        self._undone: list[Edit] = []
        self._bytes = 0

    @classmethod
    def of(cls, done: Iterable[Edit], undone: Iterable[Edit]) -> Self:
        """A history that goes on from one that was kept, each part oldest first."""
        history = cls()
        for edit in done:
            history.record(edit)
        history._undone += undone
        return history

    def __iter__(self) -> Iterator[Edit]:
        """The edits that are done, oldest first."""
        return iter(self._done)

    @property
    def last(self) -> Edit | None:
        """The edit that `undo` would take back."""
        return self._done[-1] if self._done else None

    def record(self, edit: Edit) -> None:
        """Take note of an edit that has been made; what was undone is gone."""
        self._undone.clear()
        self._done.append(edit)
        self._bytes += len(edit.bits)
        while self._bytes > HISTORY_BYTES and len(self._done) > 1:
            self._bytes -= len(self._done.popleft().bits)

    def undo(self, mask: Mask) -> Edit | None:
        """Take the last edit back, in place; None when there is none."""
        if not self._done:
            return None
        edit = self._done.pop()
        self._bytes -= len(edit.bits)
        edit.apply(mask)
        self._undone.append(edit)
        return edit

    def redo(self, mask: Mask) -> Edit | None:
        """Make the edit again that was undone last, in place; None when there is none."""
        if not self._undone:
            return None
        edit = self._undone.pop()
        edit.apply(mask)
        self._done.append(edit)
        self._bytes += len(edit.bits)
        return edit
