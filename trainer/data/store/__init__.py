"""What reviewers do and say: revisions, tags, batches, looks; the only importer of SQLAlchemy."""

from trainer.data.store.batches import ACCEPT, CHECK, REOPEN, Batch, BatchCase, Batches, is_reviewed
from trainer.data.store.kept import user_name
from trainer.data.store.looks import Look, Looks
from trainer.data.store.revisions import Revision, Status
from trainer.data.store.store import FILE, Store
from trainer.data.store.tags import CAUSES, Cause, Spot, Tag, Tags

__all__ = [
    "ACCEPT",
    "CAUSES",
    "CHECK",
    "FILE",
    "REOPEN",
    "Batch",
    "BatchCase",
    "Batches",
    "Cause",
    "Look",
    "Looks",
    "Revision",
    "Spot",
    "Status",
    "Store",
    "Tag",
    "Tags",
    "is_reviewed",
    "user_name",
]
