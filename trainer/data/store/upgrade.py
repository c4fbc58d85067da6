"""New tables for a new store, and older stores brought up to today's tables."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from trainer.data.store.backup import keep_database
from trainer.data.store.schema import schema, versions

MIGRATIONS = ("0001", "0002", "0003")
"""The scripts in ``migrations/versions``, oldest first; each makes one version of the tables."""

VERSION = len(MIGRATIONS)
"""Of today's tables; a store of a higher one is refused."""

# Alembic's own bookkeeping, told here so that a store of today opens without Alembic
_stamp = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def version_of(connection: sa.Connection) -> int:
    """Version of a database's tables; 0 where there are none yet.

    Programs before version 3 wrote their own number only; since then Alembic's is beside it,
    and whichever is newer counts.
    """
    tables = set(sa.inspect(connection).get_table_names())
    if versions.name not in tables:
        return 0
    told = connection.execute(sa.select(versions.c.version)).scalar_one()
    if _stamp.name not in tables:
        return told
    script = connection.execute(sa.select(_stamp.c.version_num)).scalar_one()
    return max(told, MIGRATIONS.index(script) + 1 if script in MIGRATIONS else VERSION + 1)


def bring_up(connection: sa.Connection, file: Path | None) -> int:
    """Make the tables that a new or an older database lacks; a newer one stays as it is.

    Parameters
    ----------
    connection
        In a transaction, in which all of it happens.
    file
        Of SQLite, of which a copy is kept first; None for a server, whose administrator
        keeps copies.

    Returns
    -------
    Version of its tables then.

    Raises
    ------
    StoreError
        If there is no room for the copy.
    """
    before = version_of(connection)
    if before == 0:
        schema.create_all(connection)
        _stamp.create(connection)
        connection.execute(versions.insert().values(version=VERSION))
        connection.execute(_stamp.insert().values(version_num=MIGRATIONS[-1]))
    elif before < VERSION:
        if file is not None:
            keep_database(file, before)
        _migrate(connection, MIGRATIONS[before - 1])
        connection.execute(versions.update().values(version=VERSION))
    return max(before, VERSION)


def _migrate(connection: sa.Connection, since: str) -> None:
    from alembic import command  # only an old store needs it: windows open without
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "trainer.data.store:migrations")
    config.attributes["connection"] = connection
    if not sa.inspect(connection).has_table(_stamp.name):
        command.stamp(config, since)
    command.upgrade(config, "head")
