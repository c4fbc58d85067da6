"""The store's database: its transactions, and what can go wrong with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from trainer.data.store import troubles
from trainer.data.store.upgrade import VERSION, bring_up, version_of
from trainer.errors import StoreError

_BUSY_SECONDS = 10.0
"""That a writer waits for its turn."""

_TURN = 7120211
"""The advisory lock of PostgreSQL that writers of one schema take in turn."""


class Database:
    """Connections to one store, whose tables are made where there are none.

    May be used from several threads, and by several programs at a time; writers take turns, so
    that what one of them has read is so until it has written.

    Parameters
    ----------
    place
        A file of SQLite, or a URL of SQLite or PostgreSQL.

    Attributes
    ----------
    place
        What sentences about it name: the file, or host and database.
    shared
        Whether it is a server's.

    Raises
    ------
    StoreError
        If it cannot be opened or written, or is of a newer version.
    """

    def __init__(self, place: Path | str) -> None:
        url = _url(place)
        self.shared = url.get_backend_name() == "postgresql"
        name = Path(url.database or "")
        self.place = Path(url.host or "localhost") / name if self.shared else name
        self._turn = threading.Lock()
        self._engine = self._connect(url)
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

    def clock(self) -> sa.ColumnElement[float]:
        """Seconds since 1970 by the database's own clock, for a statement."""
        if self.shared:
            return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
        return (sa.func.julianday("now", type_=sa.Double) - 2440587.5) * 86400.0

    def close(self) -> None:
        """Give up all connections."""
        self._engine.dispose()

    def _connect(self, url: sa.URL) -> sa.Engine:
        if not self.shared:
            engine = sa.create_engine(url, hide_parameters=True)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        try:
            # a server may have been started anew since a connection was last used
            engine = sa.create_engine(url, hide_parameters=True, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise StoreError(
                f"PostgreSQL cannot be spoken to without {error.name}",
                file=self.place,
                remedy="run `pip install 'hubmap-viewer[postgresql]'`",
            ) from error
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "begin", _begin_postgresql)
        return engine

    def _prepare(self) -> None:
        """Make the tables of a new database, bring up an old one's, or refuse a newer one's."""
        with self.reading() as connection:
            version = version_of(connection)
        if version < VERSION:
            with self.writing() as connection:
                file = self.place if not self.shared and self.place.is_file() else None
                version = bring_up(connection, file)
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
            raise troubles.told(error.orig, self.place) from error


def _url(place: Path | str) -> sa.URL:
    if isinstance(place, Path) or "://" not in place:
        return sa.URL.create("sqlite", database=str(place))
    kind = place.split("://")[0]
    try:
        url = sa.make_url(place)
    except exc.ArgumentError as error:
        raise StoreError(f"{kind}://… is no database URL") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise StoreError(
            f"{kind}://… is no database that reviews can be kept in",
            remedy="use a file, or postgresql://USER@HOST/DATABASE",
        )
    return url


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


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    connection.execute(f"SET lock_timeout = {int(_BUSY_SECONDS * 1000)}")
    connection.commit()


def _begin_postgresql(connection: sa.Connection) -> None:
    # one turn for all, as in SQLite: two first revisions of a case have no row to wait for
    if connection.get_execution_options().get("writing", False):
        turn = f"SELECT pg_advisory_xact_lock({_TURN}, hashtext(current_schema()))"
        connection.exec_driver_sql(turn)
