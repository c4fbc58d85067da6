"""What reviewers do and say: revisions, tags, batches, looks; the only importer of SQLAlchemy."""

from trainer.data.store.batches import ACCEPT, CHECK, REOPEN, Batch, BatchCase, Batches, is_reviewed
from trainer.data.store.claims import LAPSE, Claim, Claims, Taken
from trainer.data.store.holding import Held, Holding
from trainer.data.store.journal import JOURNALS, Journal
from trainer.data.store.kept import user_name
from trainer.data.store.looks import Look, Looks
from trainer.data.store.revisions import (
    ORIGINS,
    REASONS,
    STATUSES,
    Origin,
    Reason,
    Revision,
    Start,
    Status,
    independent,
)
from trainer.data.store.store import FILE, RESTORE, URL_FILE, Store
from trainer.data.store.story import Base, Story, Stroke
from trainer.data.store.tags import CAUSES, Cause, Spot, Tag, Tags

__all__ = [
    "ACCEPT",
    "CAUSES",
    "CHECK",
    "FILE",
    "JOURNALS",
    "LAPSE",
    "ORIGINS",
    "REASONS",
    "REOPEN",
    "RESTORE",
    "STATUSES",
    "URL_FILE",
    "Base",
    "Batch",
    "BatchCase",
    "Batches",
    "Cause",
    "Claim",
    "Claims",
    "Held",
    "Holding",
    "Journal",
    "Look",
    "Looks",
    "Origin",
    "Reason",
    "Revision",
    "Spot",
    "Start",
    "Status",
    "Store",
    "Story",
    "Stroke",
    "Tag",
    "Tags",
    "Taken",
    "independent",
    "is_reviewed",
    "user_name",
]
