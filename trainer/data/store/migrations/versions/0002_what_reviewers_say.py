"""Version 2: tags, bulk acceptances and blind second looks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables that version 1 lacks."""
    _tags()
    _batches()
    op.create_table(
        "looks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.String, nullable=False),
        sa.Column("revision_id", sa.Integer, sa.ForeignKey("revisions.id"), nullable=False),
        sa.Column("digest", sa.String(32), sa.ForeignKey("masks.digest"), nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_looks_case_id", "looks", ["case_id"])


def _tags() -> None:
    op.create_table(
        "tags",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.String, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("finding", sa.String),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tags_case_id", "tags", ["case_id"])
    op.create_table(
        "tag_withdrawals",
        sa.Column("tag_id", sa.Integer, sa.ForeignKey("tags.id"), primary_key=True),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
    )


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("predictions", sa.String, nullable=False),
        sa.Column("tolerance", sa.Float, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "batch_cases",
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("batches.id"), primary_key=True),
        sa.Column("case_id", sa.String, primary_key=True),
        sa.Column("organ", sa.String, nullable=False),
        sa.Column(
            "revision_id", sa.Integer, sa.ForeignKey("revisions.id"), nullable=False, unique=True
        ),
    )
    op.create_table(
        "batch_samples",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("batch_id", sa.Integer, nullable=False),
        sa.Column("case_id", sa.String, nullable=False),
        sa.ForeignKeyConstraint(
            ("batch_id", "case_id"), ("batch_cases.batch_id", "batch_cases.case_id")
        ),
        sa.UniqueConstraint("batch_id", "case_id"),
    )
    op.create_table(
        "batch_verdicts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("batch_id", sa.Integer, nullable=False),
        sa.Column("case_id", sa.String, nullable=False),
        sa.Column("right", sa.Boolean, nullable=False),
        sa.Column("revision_id", sa.Integer, sa.ForeignKey("revisions.id")),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
        sa.ForeignKeyConstraint(
            ("batch_id", "case_id"), ("batch_samples.batch_id", "batch_samples.case_id")
        ),
    )
    op.create_table(
        "batch_endings",
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("batches.id"), primary_key=True),
        sa.Column("organ", sa.String, primary_key=True),
        sa.Column("ending", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
    )
