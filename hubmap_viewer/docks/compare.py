"""The compare dock: what got better and worse from one ensemble to another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hubmap_viewer.docks.base import Dock
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session

HINT = "Compare two ensembles: regressions first."


class CompareDock(Dock):
    """What got better and worse from one ensemble to another."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
