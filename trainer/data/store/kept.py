"""Rows that keep a mask, an author and a time."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from trainer.data.case import Mask
from trainer.data.store.packing import pack, unpack
from trainer.data.store.schema import masks


def user_name() -> str:
    """Name of the user that runs this program."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def stamp(author: str | None) -> dict[str, str]:
    """Who adds a row, the user of this program where not given, and when."""
    return {"author": author or user_name(), "created": datetime.now(UTC).isoformat()}


def packed(mask: Mask) -> dict[str, Any]:
    """A mask's own row; made before a transaction, which is then short."""
    digest, runs = pack(mask)
    return {"digest": digest, "height": mask.shape[0], "width": mask.shape[1], "runs": runs}


def keep_mask(connection: sa.Connection, row: dict[str, Any]) -> str:
    """Add a packed mask where it is not there yet; returns its digest."""
    known = sa.select(masks.c.digest).where(masks.c.digest == row["digest"])
    if connection.execute(known).first() is None:
        connection.execute(masks.insert().values(row))
    return row["digest"]


def mask_of(row: sa.Row[Any] | None) -> Mask | None:
    """The mask of a row of `masks`; None where it is missing or damaged."""
    return None if row is None else unpack(row.digest, row.runs, (row.height, row.width))


def added(result: sa.CursorResult[Any]) -> int:
    """Number of the row that was just added."""
    (number,) = result.inserted_primary_key or (None,)
    assert number is not None
    return number
