"""Copies of the user's files, kept beside them before they are changed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

from trainer.data.atomic import replacing
from trainer.errors import StoreError


def keep_copy(file: Path, why: str) -> Path:
    """Copy a file beside itself, whole or not at all, under a name that is free.

    Returns
    -------
    Path of the copy, such as ``10044.journal.damaged``.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    place = _free(file, why)
    with replacing(place, StoreError) as draft:
        shutil.copyfile(file, draft)
    return place


def keep_database(file: Path, version: int) -> Path:
    """Copy a file of SQLite, which others may have open, as `keep_copy` does.

    Returns
    -------
    Path of the copy, such as ``reviews.sqlite.version-2``.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    place = _free(file, f"version-{version}")
    with replacing(place, StoreError) as draft:
        try:
            with closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(draft)) as new:
                old.backup(new)
        except sqlite3.Error as error:
            raise StoreError(
                f"no copy can be kept of it before its tables are changed ({error})",
                file=file,
                remedy="free some space, and open the cohort again",
            ) from error
    return place


def _free(file: Path, why: str) -> Path:
    return next(path for path in _names(file, why) if not path.exists())


def _names(file: Path, why: str) -> Iterator[Path]:
    name = f"{file.name}.{why}"
    yield file.with_name(name)
    yield from (file.with_name(f"{name}.{number}") for number in count(2))
