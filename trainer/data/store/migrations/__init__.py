"""How the store's tables became what they are: one Alembic script a version."""
