"""Version 3: how a revision was made and what its mask is worth; claims of cases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trainer.data.store.kept import changed

revision = "0003"
down_revision = "0002"

_PREDICTED = ("prediction", "bulk accept")

_revisions = sa.table(
    "revisions",
    sa.column("id", sa.Integer),
    sa.column("case_id", sa.String),
    sa.column("digest", sa.String),
    sa.column("tool", sa.String),
    sa.column("status", sa.String),
    sa.column("pixels", sa.Integer),
    sa.column("origin", sa.String),
)


def upgrade() -> None:
    """Add the columns and the table, and say of each revision there is what can be known."""
    for column in (
        sa.Column("parameters", sa.String, nullable=False, server_default="{}"),
        sa.Column("started_from", sa.String),
        sa.Column("version", sa.String, nullable=False, server_default=sa.text("''")),
        sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
        sa.Column("pixels", sa.Integer, nullable=False, server_default="0"),
        sa.Column("origin", sa.String, nullable=False, server_default="redrawn"),
        sa.Column("reason", sa.String),
    ):
        op.add_column("revisions", column)
    op.create_table(
        "claims",
        sa.Column("case_id", sa.String, primary_key=True),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("taken", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
    connection = op.get_bind()
    renamed = _revisions.update().where(_revisions.c.status == "needs work")
    connection.execute(renamed.values(status="in work"))
    _tell_masks(connection)


def _tell_masks(connection: sa.Connection) -> None:
    """A mask that stayed as it was stays what it was; a new one is what its tool made it."""
    last: dict[str, tuple[str, str]] = {}
    rows = connection.execute(sa.select(_revisions).order_by(_revisions.c.id)).all()
    for row in rows:
        digest, origin = last.get(row.case_id, (None, ""))
        if row.digest != digest:
            origin = _origin(row.tool)
        last[row.case_id] = row.digest, origin
        pixels = changed(connection, digest, row.digest)
        told = _revisions.update().where(_revisions.c.id == row.id)
        connection.execute(told.values(pixels=pixels, origin=origin))


def _origin(tool: str) -> str:
    if tool in _PREDICTED:
        return "raw prediction"
    return "truth" if tool == "truth" else "redrawn"
