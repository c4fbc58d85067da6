"""The store's tables; rows are only ever added to them, but for claims, which come and go."""

from __future__ import annotations

import sqlalchemy as sa

schema = sa.MetaData()

versions = sa.Table("schema_version", schema, sa.Column("version", sa.Integer, nullable=False))

masks = sa.Table(
    "masks",
    schema,
    sa.Column("digest", sa.String(32), primary_key=True),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("runs", sa.LargeBinary, nullable=False),
)

revisions = sa.Table(
    "revisions",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("parent_id", sa.ForeignKey("revisions.id"), unique=True),
    sa.Column("digest", sa.ForeignKey("masks.digest"), nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sa.Column("tool", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("note", sa.String, nullable=False),
    sa.Column("parameters", sa.String, nullable=False, server_default="{}"),  # JSON
    sa.Column("started_from", sa.String),  # JSON; null where it is not known
    sa.Column("version", sa.String, nullable=False, server_default=sa.text("''")),
    sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
    sa.Column("pixels", sa.Integer, nullable=False, server_default="0"),
    sa.Column("origin", sa.String, nullable=False, server_default="redrawn"),
    sa.Column("reason", sa.String),
    sqlite_autoincrement=True,
)

tags = sa.Table(
    "tags",
    schema,
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
    schema,
    sa.Column("tag_id", sa.ForeignKey("tags.id"), primary_key=True),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
)

batches = sa.Table(
    "batches",
    schema,
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
    schema,
    sa.Column("batch_id", sa.ForeignKey("batches.id"), primary_key=True),
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("organ", sa.String, nullable=False),
    sa.Column("revision_id", sa.ForeignKey("revisions.id"), nullable=False, unique=True),
)

batch_samples = sa.Table(
    "batch_samples",
    schema,
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
    schema,
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
    schema,
    sa.Column("batch_id", sa.ForeignKey("batches.id"), primary_key=True),
    sa.Column("organ", sa.String, primary_key=True),
    sa.Column("ending", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
)

looks = sa.Table(
    "looks",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("revision_id", sa.ForeignKey("revisions.id"), nullable=False),
    sa.Column("digest", sa.ForeignKey("masks.digest"), nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sqlite_autoincrement=True,
)

claims = sa.Table(
    "claims",
    schema,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("holder", sa.String, nullable=False),
    sa.Column("taken", sa.Double, nullable=False),  # seconds since 1970 by the database's clock
    sa.Column("expires", sa.Double, nullable=False),
)
