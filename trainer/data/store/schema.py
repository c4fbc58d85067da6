"""The store's tables; rows are only ever added to them."""

from __future__ import annotations

import sqlalchemy as sa

VERSION = 2
"""Of the tables; a store of a higher one is refused, one of a lower is brought up to it."""

_schema = sa.MetaData()

versions = sa.Table("schema_version", _schema, sa.Column("version", sa.Integer, nullable=False))

masks = sa.Table(
    "masks",
    _schema,
    sa.Column("digest", sa.String(32), primary_key=True),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("runs", sa.LargeBinary, nullable=False),
)

revisions = sa.Table(
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

tags = sa.Table(
    "tags",
    _schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("cause", sa.String, nullable=False),
    sa.Column("note", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sa.Column("finding", sa.String),  # JSON; null where the whole case is meant
    sqlite_autoincrement=True,
)

withdrawals = sa.Table(
    "tag_withdrawals",
    _schema,
    sa.Column("tag_id", sa.ForeignKey("tags.id"), primary_key=True),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
)

batches = sa.Table(
    "batches",
    _schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("predictions", sa.String, nullable=False),
    sa.Column("tolerance", sa.Float, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sqlite_autoincrement=True,
)

batch_cases = sa.Table(
    "batch_cases",
    _schema,
    sa.Column("batch_id", sa.ForeignKey("batches.id"), primary_key=True),
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("organ", sa.String, nullable=False),
    sa.Column("revision_id", sa.ForeignKey("revisions.id"), nullable=False, unique=True),
)

batch_samples = sa.Table(
    "batch_samples",
    _schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("batch_id", sa.Integer, nullable=False),
    sa.Column("case_id", sa.String, nullable=False),
    sa.ForeignKeyConstraint(
        ("batch_id", "case_id"), ("batch_cases.batch_id", "batch_cases.case_id")
    ),
    sa.UniqueConstraint("batch_id", "case_id"),
)

batch_verdicts = sa.Table(
    "batch_verdicts",
    _schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("batch_id", sa.Integer, nullable=False),
    sa.Column("case_id", sa.String, nullable=False),
    sa.Column("right", sa.Boolean, nullable=False),
    sa.Column("revision_id", sa.ForeignKey("revisions.id")),  # null: a person's newer one stays
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sa.ForeignKeyConstraint(
        ("batch_id", "case_id"), ("batch_samples.batch_id", "batch_samples.case_id")
    ),
)

batch_endings = sa.Table(
    "batch_endings",
    _schema,
    sa.Column("batch_id", sa.ForeignKey("batches.id"), primary_key=True),
    sa.Column("organ", sa.String, primary_key=True),
    sa.Column("ending", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
)

looks = sa.Table(
    "looks",
    _schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("revision_id", sa.ForeignKey("revisions.id"), nullable=False),
    sa.Column("digest", sa.ForeignKey("masks.digest"), nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sqlite_autoincrement=True,
)


def bring_up(connection: sa.Connection) -> int:
    """Make the tables that a new or an older database lacks; returns its version then.

    Versions up to 2 only ever added tables. A newer version's database stays as it is.
    """
    if not sa.inspect(connection).has_table(versions.name):
        _schema.create_all(connection)
        connection.execute(versions.insert().values(version=VERSION))
    version = connection.execute(sa.select(versions.c.version)).scalar_one()
    if version < VERSION:
        _schema.create_all(connection)
        connection.execute(versions.update().values(version=VERSION))
        return VERSION
    return version
