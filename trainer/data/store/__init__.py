"""Revisions of curated masks; the only importer of SQLAlchemy."""

from trainer.data.store.revisions import FILE, Revision, Status, Store, user_name

__all__ = ["FILE", "Revision", "Status", "Store", "user_name"]
