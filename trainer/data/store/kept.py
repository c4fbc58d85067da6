"""Rows that keep a mask, an author and a time."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import sqlalchemy as sa

from trainer.data.case import Mask
from trainer.data.store.packing import differing, inside, pack, unpack
from trainer.data.store.schema import masks


def user_name() -> str:
    """Name of the user that runs this program."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


@cache
def program_version() -> str:
    """Of this program."""
    return version("hubmap-viewer")


def moment(time: datetime) -> str:
    """A time as it is kept: in UTC, to the microsecond, so that texts sort as times do."""
    utc = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")


def stamp(author: str | None) -> dict[str, str]:
    """Who adds a row, the user of this program where not given, and when."""
    return {"author": author or user_name(), "created": moment(datetime.now(UTC))}


def plain(values: Mapping[str, Any] | None) -> str:
    """What a tool was told, as JSON; numpy's numbers become Python's."""
    return json.dumps(dict(values or {}), default=_plain)


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


def changed(connection: sa.Connection, before: str | None, after: str) -> int:
    """How many pixels of one kept mask are other than in another one, told by their digests.

    All that are inside where there is no other one, or it is damaged or of another size.
    """
    if before == after:
        return 0
    rows = connection.execute(sa.select(masks).where(masks.c.digest.in_([before, after])))
    both = {row.digest: row for row in rows}
    new, old = both[after], both.get(before or "")
    shape = (new.height, new.width)
    count = None
    if old is not None and (old.height, old.width) == shape:
        count = differing((old.digest, new.digest), (old.runs, new.runs), shape)
    return inside(new.digest, new.runs, shape) if count is None else count


def added(result: sa.CursorResult[Any]) -> int:
    """Number of the row that was just added."""
    (number,) = result.inserted_primary_key or (None,)
    assert number is not None
    return number


def _plain(value: object) -> Any:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)
