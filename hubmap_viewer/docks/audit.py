"""The audit dock: many predictions accepted at once and checked, and blind second looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hubmap_viewer.docks.base import Dock
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session

HINT = "Audit: accept many predictions by a rule and check a sample, or redraw some cases blind."


class AuditDock(Dock):
    """Many predictions accepted at once and checked, and blind second looks."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
