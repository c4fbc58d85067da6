"""Images in the colours of an ensemble's references."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from trainer.data import stain
from trainer.data.case import Image
from trainer.data.tiff import read_rgb
from trainer.predict import frame
from trainer.settings import Stain

_LONGEST = 1024
"""Longer side of the reference that its colours are taken from, in pixels."""


class Colours:
    """References of an ensemble, each read once.

    Attributes
    ----------
    digests
        Of the references' files, by the stain's settings.

    Raises
    ------
    ImageError
        If a reference is missing or cannot be read, or shows too little tissue.
    """

    def __init__(self, stains: Iterable[Stain], base: Path) -> None:
        self.digests: dict[Stain, str] = {}
        self._references: dict[Stain, stain.Reference] = {}
        for one in stains:
            if one.method == "none" or one.reference is None:
                continue
            path = base / one.reference
            image = _small(read_rgb(path))
            self._references[one] = stain.Reference.of(image, one.method, path)
            self.digests[one] = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()

    def brought(self, image: Image, wanted: Stain) -> Image:
        """The image in the reference's colours; the same object for ``none``."""
        reference = self._references.get(wanted)
        return image if reference is None else stain.transfer(image, reference)


def _small(image: Image) -> Image:
    return frame.fit(image, _LONGEST) if max(image.shape[:2]) > _LONGEST else image
