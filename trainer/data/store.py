"""Revisions of curated masks: the only writer of the user's work, and of SQLAlchemy's calls."""

from __future__ import annotations

import getpass
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
import sqlalchemy as sa
from sqlalchemy import exc

from trainer.data import rle
from trainer.data.case import Mask
from trainer.errors import StoreError

Status = Literal["unreviewed", "accepted", "needs work", "rejected"]

FILE = "reviews.sqlite"
_VERSION = 1
_BUSY_SECONDS = 10.0

_schema = sa.MetaData()
_versions = sa.Table("schema_version", _schema, sa.Column("version", sa.Integer, nullable=False))
_masks = sa.Table(
    "masks",
    _schema,
    sa.Column("digest", sa.String(32), primary_key=True),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("runs", sa.LargeBinary, nullable=False),
)
_revisions = sa.Table(
    "revisions",
    _schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("parent_id", sa.ForeignKey("revisions.id"), unique=True),
    sa.Column("digest", sa.ForeignKey("masks.digest"), nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sa.Column("tool", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("note", sa.String, nullable=False),
    sqlite_autoincrement=True,
)

# sqlite's own names of what can go wrong, and what a user can do about it
_TROUBLES = {
    "SQLITE_FULL": ("the disk is full", "free some space and save again"),
    "SQLITE_READONLY": ("cannot be written", "copy the cohort to a folder that you may write to"),
    "SQLITE_CANTOPEN": ("cannot be written", "copy the cohort to a folder that you may write to"),
    "SQLITE_PERM": ("cannot be written", "copy the cohort to a folder that you may write to"),
    "SQLITE_BUSY": ("is locked by another program", "close that program and save again"),
    "SQLITE_LOCKED": ("is locked by another program", "close that program and save again"),
    "SQLITE_NOTADB": ("is not a database of reviews", "move it away and open the cohort again"),
    "SQLITE_CORRUPT": ("is damaged", "put back a copy of it, or move it away"),
    "SQLITE_IOERR": ("the disk refuses to write", "free some space, or check the disk"),
}


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved state of a case's curated mask.

    Attributes
    ----------
    parent_id
        Of the revision before it; None for a case's first.
    created
        When, in UTC.
    tool
        What made it, such as "paint" or "undo".
    shape
        (H, W) of its mask in pixels.
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


class Store:
    """Revisions in a database; they are only ever added.

    May be used from several threads, and by several programs at a time.

    Parameters
    ----------
    place
        A file of SQLite, made where there is none, or a database URL.

    Raises
    ------
    StoreError
        If the database cannot be opened or written, or is of a newer version.
    """

    def __init__(self, place: Path | str) -> None:
        self._url = _url(place)
        self._place = Path(self._url.database or "") if _is_sqlite(self._url) else self._url.host
        self._engine = sa.create_engine(self._url, hide_parameters=True)
        self._adding = threading.Lock()
        if _is_sqlite(self._url):
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        try:
            self._prepare()
        except StoreError:
            self.close()
            raise

    @classmethod
    def for_cohort(cls, folder: Path) -> Self:
        """The store in a cohort's folder."""
        return cls(folder / FILE)

    def latest(self, case_id: str) -> Revision | None:
        """The case's newest revision, or None where there is none."""
        with self._connection() as connection:
            row = connection.execute(_newest(case_id)).first()
        return None if row is None else _revision(row)

    def latest_all(self) -> dict[str, Revision]:
        """The newest revision of every case that has one."""
        newest = sa.select(sa.func.max(_revisions.c.id)).group_by(_revisions.c.case_id)
        with self._connection() as connection:
            rows = connection.execute(_select().where(_revisions.c.id.in_(newest))).all()
        return {row.case_id: _revision(row) for row in rows}

    def history(self, case_id: str) -> list[Revision]:
        """The case's revisions, oldest first."""
        query = _select().where(_revisions.c.case_id == case_id).order_by(_revisions.c.id)
        with self._connection() as connection:
            return [_revision(row) for row in connection.execute(query)]

    def mask(self, revision: Revision) -> Mask:
        """The revision's mask, uint8 (H, W) of 0 and 1.

        Raises
        ------
        StoreError
            If the store does not hold the revision, or its mask is damaged.
        """
        query = (
            sa.select(_masks.c.digest, _masks.c.runs)
            .join(_revisions)
            .where(_revisions.c.id == revision.id)
        )
        with self._connection() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise StoreError(f"there is no revision {revision.id}", file=self._place)
        try:
            packed = zlib.decompress(row.runs)
        except zlib.error:
            packed = b""
        if _digest(packed, revision.shape) != row.digest:
            raise StoreError(
                f"the mask of revision {revision.id} is damaged",
                file=self._place,
                case=revision.case_id,
                remedy="go back to the revision before it",
            )
        return _unpack(packed, revision.shape)

    def add(
        self,
        case_id: str,
        mask: Mask,
        *,
        tool: str,
        status: Status = "unreviewed",
        note: str = "",
        author: str | None = None,
    ) -> Revision:
        """Keep a mask as the case's newest revision: wholly, or not at all.

        Parameters
        ----------
        mask
            (H, W); whatever is not 0 is inside.
        author
            The user's name where not given.

        Raises
        ------
        StoreError
            If it cannot be kept; the earlier revisions are then as they were.
        """
        if status not in get_args(Status):
            raise StoreError(f"unknown status {status!r}", case=case_id)
        packed, shape = _pack(mask), (mask.shape[0], mask.shape[1])
        kept: dict[str, Any] = {
            "digest": _digest(packed, shape),
            "height": shape[0],
            "width": shape[1],
            "runs": zlib.compress(packed, 6),
        }
        row = {
            "case_id": case_id,
            "digest": kept["digest"],
            "author": author or user_name(),
            "created": datetime.now(UTC).isoformat(),
            "tool": tool,
            "status": status,
            "note": note,
        }
        with self._adding, self._transaction() as connection:
            parent = connection.execute(_newest(case_id)).first()
            row["parent_id"] = None if parent is None else parent.id
            known = sa.select(_masks.c.digest).where(_masks.c.digest == kept["digest"])
            if connection.execute(known).first() is None:
                connection.execute(_masks.insert().values(kept))
            result = connection.execute(_revisions.insert().values(row))
            number = result.inserted_primary_key[0]  # pyright: ignore[reportOptionalSubscript]
            return _revision(connection.execute(_select().where(_revisions.c.id == number)).one())

    def close(self) -> None:
        """Give the database back."""
        self._engine.dispose()

    def _prepare(self) -> None:
        """Make the tables of a new database, or check an old one's version."""
        with self._transaction() as connection:
            if not sa.inspect(connection).has_table(_versions.name):
                _schema.create_all(connection)
                connection.execute(_versions.insert().values(version=_VERSION))
            version = connection.execute(sa.select(_versions.c.version)).scalar_one()
        if version > _VERSION:
            raise StoreError(
                f"was written by a newer version (schema {version}, this one knows {_VERSION})",
                file=self._place,
                remedy="update this program",
            )

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        writing = self._engine.execution_options(writing=True)
        with self._told(), writing.begin() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            name = getattr(error.orig, "sqlite_errorname", "")
            for prefix, (problem, remedy) in _TROUBLES.items():
                if name.startswith(prefix):
                    raise StoreError(problem, file=self._place, remedy=remedy) from error
            raise StoreError(f"cannot be used ({error.orig})", file=self._place) from error


def user_name() -> str:
    """Name of the user that runs this program."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _url(place: Path | str) -> sa.URL:
    if isinstance(place, str) and "://" in place:
        try:
            return sa.make_url(place)
        except exc.ArgumentError as error:
            raise StoreError(f"{place.split('://')[0]}://… is no database URL") from error
    return sa.URL.create("sqlite", database=str(place))


def _is_sqlite(url: sa.URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says
    for pragma in (
        f"busy_timeout = {int(_BUSY_SECONDS * 1000)}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # a writer takes its turn at once: one that reads first would be refused later
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _select() -> sa.Select[Any]:
    return sa.select(_revisions, _masks.c.height, _masks.c.width).join(_masks)


def _newest(case_id: str) -> sa.Select[Any]:
    cases = _select().where(_revisions.c.case_id == case_id)
    return cases.order_by(_revisions.c.id.desc()).limit(1)


def _revision(row: sa.Row[Any]) -> Revision:
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
    )


def _pack(mask: Mask) -> bytes:
    """Gap and length of every run, in column-major order."""
    starts, lengths = rle.runs(mask)
    ends = starts + lengths
    gaps = starts - np.concatenate(([0], ends[:-1])) if starts.size else starts
    return np.column_stack((gaps, lengths)).astype("<u4").tobytes()


def _unpack(packed: bytes, shape: tuple[int, int]) -> Mask:
    pairs = np.frombuffer(packed, "<u4").reshape(-1, 2).astype(np.int64)
    ends = np.cumsum(pairs.sum(axis=1))
    return rle.from_runs(ends - pairs[:, 1], pairs[:, 1], shape)


def _digest(packed: bytes, shape: tuple[int, int]) -> str:
    return blake2b(packed + f"{shape[0]}x{shape[1]}".encode(), digest_size=16).hexdigest()
