"""The only writer of the user's work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from trainer.data.case import Mask
from trainer.data.store.batches import Batches
from trainer.data.store.claims import Claim, Claims, check
from trainer.data.store.database import Database
from trainer.data.store.holding import Slot
from trainer.data.store.kept import keep_mask, mask_of, moment, packed, plain, stamp
from trainer.data.store.looks import Looks
from trainer.data.store.revisions import (
    ORIGINS,
    REASONS,
    STATUSES,
    Origin,
    Reason,
    Revision,
    Start,
    Status,
    append,
    digest_of,
    independent,
    newest,
    provenance,
    revision_of,
    select,
    start_cell,
)
from trainer.data.store.schema import masks, revisions
from trainer.data.store.tags import Tags
from trainer.errors import StoreError

FILE = "reviews.sqlite"
"""Name of the store in a cohort's folder."""

URL_FILE = "store.url"
"""Name of the text file that takes its place where a team shares one on a server."""

RESTORE = "restore"
"""Tool of the revisions that bring an older one's mask back."""


class Store:
    """Revisions and all else that reviewers say, in a database; rows are only ever added.

    May be used from several threads, and by several programs at a time.

    Parameters
    ----------
    place
        A file of SQLite, made where there is none, or a database URL.
    holder
        By which its claims are known, as `Claims` says.

    Attributes
    ----------
    shared
        Whether it is on a server, where others review the same cases: then claim them first.
    tags
        Failure causes that cases and findings were given.
    batches
        Masks that were accepted in bulk, and how their samples did.
    looks
        Masks that were drawn anew, blind.
    claims
        Who has which case in hand.

    Raises
    ------
    StoreError
        If the database cannot be opened or written, or is of a newer version.
    """

    def __init__(self, place: Path | str, holder: str | None = None) -> None:
        self._database = Database(place)
        self.shared = self._database.shared
        self.tags = Tags(self._database)
        self.batches = Batches(self._database)
        self.looks = Looks(self._database)
        self.claims = Claims(self._database, holder)
        self._slot: Slot | None = None

    @classmethod
    def for_cohort(cls, folder: Path) -> Self:
        """The store of a cohort's folder: the database that ``store.url`` names, else a file.

        One database, or one schema of it, holds the reviews of one cohort. The password is
        best left out of the URL and in PostgreSQL's own ``~/.pgpass``.
        """
        url = _named(folder)
        if url is None:
            return cls(folder / FILE)
        slot = Slot(folder)
        try:
            store = cls(url, slot.name)
        except StoreError:
            slot.release()
            raise
        store._slot = slot
        return store

    @staticmethod
    def is_kept(folder: Path) -> bool:
        """Whether a cohort's folder has a store, or names one: to open it makes no new file."""
        return (folder / FILE).exists() or (folder / URL_FILE).exists()

    def latest(self, case_id: str) -> Revision | None:
        """The case's newest revision, or None where there is none."""
        with self._database.reading() as connection:
            return newest(connection, case_id)

    def latest_all(self) -> dict[str, Revision]:
        """The newest revision of every case that has one."""
        return self._last(sa.true())

    def as_of(self, time: datetime) -> dict[str, Revision]:
        """The newest revision of every case, of those that were there at a time.

        Parameters
        ----------
        time
            In UTC where it does not say.

        Returns
        -------
        Case id to the last revision in the case's chain that is not stamped later than `time`.
        A clock that ran wrong leads this astray by as much as it was wrong, and no further:
        from the newest revision's own time on, this is `latest_all`.
        """
        return self._last(revisions.c.created <= moment(time))

    def _last(self, which: sa.ColumnElement[bool]) -> dict[str, Revision]:
        """Each case's newest of some revisions, by their ids."""
        last = sa.select(sa.func.max(revisions.c.id)).where(which).group_by(revisions.c.case_id)
        with self._database.reading() as connection:
            rows = connection.execute(select().where(revisions.c.id.in_(last))).all()
        return {row.case_id: revision_of(row) for row in rows}

    def history(self, case_id: str) -> list[Revision]:
        """The case's revisions, oldest first."""
        return self._read(select().where(revisions.c.case_id == case_id))

    def all(self) -> list[Revision]:
        """Every case's revisions, oldest first."""
        return self._read(select())

    def revision(self, revision_id: int) -> Revision:
        """A revision by its number.

        Raises
        ------
        StoreError
            If the store does not hold it.
        """
        with self._database.reading() as connection:
            row = connection.execute(select().where(revisions.c.id == revision_id)).first()
        if row is None:
            raise StoreError(f"there is no revision {revision_id}", file=self._database.place)
        return revision_of(row)

    def origin(self, revision: Revision) -> Revision:
        """The revision by which its mask became what it is: later ones changed the status only.

        Raises
        ------
        StoreError
            If the store does not hold the revision.
        """
        chain = sa.select(revisions.c.id, revisions.c.digest).order_by(revisions.c.id.desc())
        chain = chain.where(revisions.c.case_id == revision.case_id, revisions.c.id <= revision.id)
        with self._database.reading() as connection:
            rows = connection.execute(chain).all()
        same = [row.id for row in takewhile(lambda row: row.digest == rows[0].digest, rows)]
        return self.revision(same[-1] if same else revision.id)

    def mask(self, revision: Revision) -> Mask:
        """The revision's mask, uint8 (H, W) of 0 and 1.

        Raises
        ------
        StoreError
            If the store does not hold the revision, or its mask is damaged.
        """
        query = sa.select(masks).join(revisions).where(revisions.c.id == revision.id)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise StoreError(f"there is no revision {revision.id}", file=self._database.place)
        mask = mask_of(row)
        if mask is None:
            raise StoreError(
                f"the mask of revision {revision.id} is damaged",
                file=self._database.place,
                case=revision.case_id,
                remedy="go back to the revision before it",
            )
        return mask

    def independent(self, case_id: str) -> list[tuple[Revision, Revision]]:
        """Pairs of the case's revisions in which two people each stand by a mask of their own.

        As `trainer.data.store.revisions.independent` finds them in its history.
        """
        return independent(self.history(case_id))

    def _read(self, query: sa.Select[Any]) -> list[Revision]:
        with self._database.reading() as connection:
            return [revision_of(row) for row in connection.execute(query.order_by(revisions.c.id))]

    def add(
        self,
        case_id: str,
        mask: Mask,
        *,
        tool: str,
        status: Status = "unreviewed",
        note: str = "",
        author: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        started_from: Start | None = None,
        seconds: float = 0.0,
        origin: Origin = "redrawn",
        reason: Reason | None = None,
        claim: Claim | None = None,
    ) -> Revision:
        """Keep a mask as the case's newest revision: wholly, or not at all.

        Parameters
        ----------
        case_id
            Of the case it belongs to.
        mask
            (H, W); whatever is not 0 is inside.
        tool
            What made it, such as "paint" or "undo".
        status
            The reviewer's verdict.
        note
            The reviewer's remark.
        author
            The user's name where not given.
        parameters
            What the tool was told.
        started_from
            The prediction that the mask started from, if it did.
        seconds
            Of active work since the revision before.
        origin
            What the mask is worth as a label.
        reason
            Why the case is rejected.
        claim
            On the case, where others may change it as well.

        Raises
        ------
        StoreError
            If it cannot be kept, or the case has been another's since the claim was given; the
            earlier revisions are then as they were.
        """
        _check(case_id, "status", status, STATUSES)
        _check(case_id, "origin", origin, ORIGINS)
        if reason is not None:
            _check(case_id, "reason", reason, REASONS)
        kept = packed(mask)
        row = {"case_id": case_id, "tool": tool, "status": status, "note": note} | stamp(author)
        row |= {"parameters": plain(parameters), "started_from": start_cell(started_from)}
        row |= {"seconds": seconds, "origin": origin, "reason": reason}
        with self._database.writing() as connection:
            if claim is not None:
                check(connection, claim, self._database)
            return append(connection, row | {"digest": keep_mask(connection, kept)})

    def restore(self, revision_id: int, author: str | None = None) -> Revision:
        """Bring an older mask back as the case's newest revision; what came between stays.

        The verdict does not come back with it: the case is in work.

        Raises
        ------
        StoreError
            If there is no such revision, its mask is damaged, or nothing can be kept.
        """
        old = self.revision(revision_id)
        self.mask(old)
        row = {"case_id": old.case_id, "tool": RESTORE, "status": "in work", "note": ""}
        row |= {"parameters": plain({"revision": old.id})} | provenance(old) | stamp(author)
        with self._database.writing() as connection:
            return append(connection, row | {"digest": digest_of(connection, old.id)})

    def close(self) -> None:
        """Give the database back."""
        self._database.close()
        if self._slot is not None:
            self._slot.release()


def _check(case_id: str, kind: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        remedy = f"use one of {', '.join(known)}"
        raise StoreError(f"unknown {kind} {word!r}", case=case_id, remedy=remedy)


def _named(folder: Path) -> str | None:
    """The URL in a folder's ``store.url``; None where there is no such file."""
    file = folder / URL_FILE
    try:
        url = file.read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot be read ({error})", file=file) from error
    if "://" not in url or len(url.splitlines()) != 1:
        raise StoreError(
            "holds no database URL",
            file=file,
            remedy="write one line such as postgresql://USER@HOST/DATABASE, or delete it",
        )
    return url
