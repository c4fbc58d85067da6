"""Revisions of curated masks, as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import combinations
from typing import Any, Literal, get_args

import sqlalchemy as sa

from trainer.data.store.kept import added, changed, program_version
from trainer.data.store.schema import masks, revisions

Status = Literal["unreviewed", "in work", "accepted", "rejected", "needs second opinion"]
STATUSES: tuple[Status, ...] = get_args(Status)
"""In the order in which they are shown."""

Reason = Literal["mislabelled", "other sectioning", "artefact", "out of focus", "duplicate"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Why a case is rejected, in the order in which they are shown; the note says more."""

Origin = Literal["truth", "redrawn", "edited prediction", "raw prediction"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)
"""What a mask is worth as a label, from a person's own to nobody's."""


BULK = "bulk accept"
"""Tool of the revisions by which predictions were accepted that nobody had looked at."""


@dataclass(frozen=True, slots=True)
class Start:
    """The prediction that a mask started from.

    Attributes
    ----------
    name, fingerprint
        Of the ensemble.
    threshold
        At which the prediction became a mask, 0 to 1.
    confidence
        What `trainer.review.certainty.confidence` says of it at that threshold, 0 to 1; None
        where it is not known.
    """

    name: str
    fingerprint: str
    threshold: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved state of a case's curated mask.

    Attributes
    ----------
    parent_id
        Of the revision before it; None for a case's first.
    created
        When, in UTC, by the clock of the author's machine: which of two revisions is newer,
        their ids say, not their times.
    tool
        What made it, such as "paint" or "undo".
    shape
        (H, W) of its mask in pixels.
    parameters
        What the tool was told.
    started_from
        The prediction that its mask started from; None where it did not, or it is not known.
    version
        Of the program that made it; empty of revisions older than this column.
    seconds
        Of active work since the revision before.
    pixels
        Changed against its parent's mask; where there is none, it is damaged or of another
        size, all that are inside.
    origin
        What its mask is worth as a label.
    reason
        Why the case is rejected; None where it is not, or nobody said.
    """

    id: int
    case_id: str
    parent_id: int | None
    author: str
    created: datetime
    tool: str
    status: Status
    note: str
    shape: tuple[int, int]
    parameters: Mapping[str, Any]
    started_from: Start | None
    version: str
    seconds: float
    pixels: int
    origin: Origin
    reason: Reason | None


def append(connection: sa.Connection, row: dict[str, Any]) -> Revision:
    """Add a row of `revisions` after the case's newest; its mask is there already."""
    parent = _newest(connection, row["case_id"])
    before = None if parent is None else parent.digest
    values = row | {
        "parent_id": None if parent is None else parent.id,
        "pixels": changed(connection, before, row["digest"]),
        "version": program_version(),
    }
    number = added(connection.execute(revisions.insert().values(values)))
    return revision_of(connection.execute(select().where(revisions.c.id == number)).one())


def newest(connection: sa.Connection, case_id: str) -> Revision | None:
    """The case's newest revision, or None where there is none."""
    row = _newest(connection, case_id)
    return None if row is None else revision_of(row)


def digest_of(connection: sa.Connection, revision_id: int) -> str:
    """Digest of the mask of a revision that is there."""
    query = sa.select(revisions.c.digest).where(revisions.c.id == revision_id)
    return connection.execute(query).scalar_one()


def provenance(revision: Revision) -> dict[str, Any]:
    """The cells of a revision that a later one with the same mask takes over."""
    return {"origin": revision.origin, "started_from": start_cell(revision.started_from)}


def start_cell(start: Start | None) -> str | None:
    """A start as it is kept."""
    return None if start is None else json.dumps(asdict(start))


def independent(history: Iterable[Revision]) -> list[tuple[Revision, Revision]]:
    """Pairs of a case's revisions in which two people each stand by a mask of their own.

    Of each author the last revision counts that is accepted, or asks for a second opinion, and
    whose mask that author made: who only calls another's mask right has drawn none. What a bulk
    acceptance made is nobody's.

    Parameters
    ----------
    history
        All of one case, oldest first.

    Returns
    -------
    list of pairs
        The earlier one of each first. The later one's author may have seen the earlier mask: a
        blind comparison is what `Looks` is for.
    """
    maker, own = "", dict[str, Revision]()
    for one in history:
        if one.parent_id is None or one.pixels > 0:
            maker = "" if one.tool == BULK else one.author
        if one.author == maker and one.status in ("accepted", "needs second opinion"):
            own[maker] = one
    ordered = sorted(own.values(), key=lambda one: one.id)
    return list(combinations(ordered, 2))


def select() -> sa.Select[Any]:
    """Rows that `revision_of` takes."""
    return sa.select(revisions, masks.c.height, masks.c.width).join(masks)


def revision_of(row: sa.Row[Any]) -> Revision:
    """The revision that a row tells."""
    return Revision(
        id=row.id,
        case_id=row.case_id,
        parent_id=row.parent_id,
        author=row.author,
        created=datetime.fromisoformat(row.created),
        tool=row.tool,
        status=row.status,
        note=row.note,
        shape=(row.height, row.width),
        parameters=json.loads(row.parameters),
        started_from=None if row.started_from is None else Start(**json.loads(row.started_from)),
        version=row.version,
        seconds=row.seconds,
        pixels=row.pixels,
        origin=row.origin,
        reason=row.reason,
    )


def _newest(connection: sa.Connection, case_id: str) -> sa.Row[Any] | None:
    cases = select().where(revisions.c.case_id == case_id)
    return connection.execute(cases.order_by(revisions.c.id.desc()).limit(1)).first()
