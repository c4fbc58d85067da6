"""Hashes of images, kept from one time to the next in the user's cache."""

from __future__ import annotations

import hashlib
import zipfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from platformdirs import user_cache_path

from trainer.data.atomic import replacing
from trainer.errors import ExportError
from trainer.review.perceptual import FREQUENCIES, Hash

_VERSION = 1
"""Of the hash: one that was made otherwise is not taken for it."""

_SHAPE = (10, FREQUENCIES, FREQUENCIES)


class HashCache:
    """A cohort's hashes by image file; one whose size or time has changed is not known.

    A cache that cannot be read or written costs time, nothing else.
    """

    def __init__(self, folder: Path) -> None:
        name = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=8).hexdigest()
        self._path = user_cache_path("hubmap-viewer") / "hashes" / f"{name}-{_VERSION}.npz"
        self._known: dict[str, Hash] = {}
        self._is_new = False

    def __enter__(self) -> Self:
        # a file that is missing or damaged in whatever way is one that is not there
        with (
            suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile),
            np.load(self._path, allow_pickle=False) as arrays,
        ):
            stamps, hashes = arrays["stamps"].tolist(), arrays["hashes"]
            if hashes.dtype == np.int8 and hashes.shape == (len(stamps), *_SHAPE):
                self._known = dict(zip(stamps, hashes, strict=True))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._is_new:
            return
        with suppress(ExportError), replacing(self._path) as draft, draft.open("wb") as file:
            hashes = np.stack(list(self._known.values()))
            np.savez(file, stamps=np.array(list(self._known)), hashes=hashes)

    def get(self, path: Path) -> Hash | None:
        """The file's hash, if the file is the one it was made of."""
        return self._known.get(_stamp(path))

    def put(self, path: Path, found: Hash) -> None:
        """Keep a file's hash."""
        self._known[_stamp(path)] = found
        self._is_new = True


def _stamp(path: Path) -> str:
    """What changes when a file does."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"
