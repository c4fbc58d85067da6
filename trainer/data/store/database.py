"""The store's database: its transactions, and what can go wrong with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from trainer.data.store.schema import VERSION, bring_up
from trainer.errors import StoreError

_BUSY_SECONDS = 10.0

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


class Database:
    """Connections to one store, whose tables are made where there are none.

    May be used from several threads, and by several programs at a time; writers take turns.

    Parameters
    ----------
    place
        A file of SQLite, or a database URL.

    Raises
    ------
    StoreError
        If it cannot be opened or written, or is of a newer version.
    """

    def __init__(self, place: Path | str) -> None:
        url = _url(place)
        sqlite = url.get_backend_name() == "sqlite"
        self.place = Path(url.database or "") if sqlite else url.host
        self._turn = threading.Lock()
        self._engine = sa.create_engine(url, hide_parameters=True)
        if sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        try:
            self._prepare()
        except StoreError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to ask."""
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection whose writes are kept together at the end, or not at all."""
        engine = self._engine.execution_options(writing=True)
        with self._turn, self._told(), engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give up all connections."""
        self._engine.dispose()

    def _prepare(self) -> None:
        """Make the tables of a new database, or check an old one's version."""
        with self.writing() as connection:
            version = bring_up(connection)
        if version > VERSION:
            raise StoreError(
                f"was written by a newer version (schema {version}, this one knows {VERSION})",
                file=self.place,
                remedy="update this program",
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            name = getattr(error.orig, "sqlite_errorname", "")
            for prefix, (problem, remedy) in _TROUBLES.items():
                if name.startswith(prefix):
                    raise StoreError(problem, file=self.place, remedy=remedy) from error
            raise StoreError(f"cannot be used ({error.orig})", file=self.place) from error


def _url(place: Path | str) -> sa.URL:
    if isinstance(place, Path) or "://" not in place:
        return sa.URL.create("sqlite", database=str(place))
    try:
        return sa.make_url(place)
    except exc.ArgumentError as error:
        raise StoreError(f"{place.split('://')[0]}://… is no database URL") from error


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
