"""Alembic runs this: migrations go through the connection, and the transaction, they are given."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
