"""Decoded, resized images and what is known of their colours, kept beside their cohort."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from trainer.data import stain
from trainer.data.atomic import replacing
from trainer.data.case import Image
from trainer.errors import ExportError
from trainer.train.dyes import colours

_VERSION = 1
"""Of the resampling and of the colours: what was made otherwise is not taken for it."""

_FIELDS = ("mean", "deviation", "levels", "matrix", "strength")
"""Arrays that a `stain.Reference` may hold, its stains' own among them."""


class ImageCache:
    """Files named by what they hold: digest of the image's file, size and version.

    An image that changes has another digest, so that no file ever goes stale; each is there
    whole or not at all. A cache that cannot be read or written costs time, nothing else, and
    whoever deletes it loses nothing.

    Parameters
    ----------
    folder
        Made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, cohort: Path) -> ImageCache:
        """The one of a cohort's folder."""
        return cls(cohort / "cache" / "images")

    def image(self, digest: str, shape: tuple[int, int], make: Callable[[], Image]) -> Image:
        """The image at a size, mapped from disk.

        Parameters
        ----------
        digest
            Of the image's file.
        shape
            (h, w) in pixels.
        make
            Reads and resizes it, where it is not known yet.

        Returns
        -------
        uint8 (h, w, 3), read-only; in memory where it cannot be kept on disk.
        """
        path = self._file(digest, shape, ".npy")
        known = _mapped(path, shape)
        if known is not None:
            return known
        made = make()
        with suppress(ExportError), replacing(path) as draft:
            np.save(draft, made)
        kept = _mapped(path, shape)
        return made if kept is None else kept

    def colours(
        self, digest: str, image: Image, methods: tuple[stain.Method, ...]
    ) -> dict[stain.Method, stain.Reference]:
        """The image's colours by these methods, as far as it shows enough tissue.

        Parameters
        ----------
        digest
            Of the file that the image was made from.
        image
            RGB uint8 (h, w, 3), as it is kept.
        methods
            Those wanted.
        """
        found: dict[stain.Method, stain.Reference] = {}
        for method in methods:
            path = self._file(digest, (image.shape[0], image.shape[1]), f"-{method}.npz")
            known = _read(path, method) or colours(image, (method,)).get(method)
            if known is None:
                continue
            found[method] = known
            if not path.is_file():
                with suppress(ExportError), replacing(path) as draft, draft.open("wb") as file:
                    np.savez(file, allow_pickle=False, **_arrays(known))
        return found

    def _file(self, digest: str, shape: tuple[int, int], ending: str) -> Path:
        return self._folder / f"{digest}-{shape[0]}x{shape[1]}-v{_VERSION}{ending}"


def _mapped(path: Path, shape: tuple[int, int]) -> Image | None:
    """What the file holds; None where it is missing, damaged, or of something else."""
    with suppress(OSError, ValueError, EOFError):
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if found.dtype == np.uint8 and found.shape == (*shape, 3):
            return found
    return None


def _arrays(reference: stain.Reference) -> dict[str, stain.Floats]:
    parts = [reference] if reference.stains is None else [reference, reference.stains]
    told = {name: getattr(part, name, None) for part in parts for name in _FIELDS}
    return {name: array for name, array in told.items() if array is not None}


def _read(path: Path, method: stain.Method) -> stain.Reference | None:
    with (
        suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile),
        np.load(path, allow_pickle=False) as arrays,
    ):
        known = {name: arrays[name] for name in arrays.files if name in _FIELDS}
        if method in ("macenko", "vahadane"):
            return stain.Reference(method, stain.Stains(known["matrix"], known["strength"]))
        return stain.Reference(method, **known)
    return None
