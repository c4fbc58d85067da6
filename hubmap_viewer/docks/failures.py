"""The failures dock: every case of every organ as a dot, and what each organ loses to what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hubmap_viewer.docks.base import Dock
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session

HINT = "Failures: one strip an organ, one dot a case; what each organ loses, and to what."


class FailuresDock(Dock):
    """Every case of every organ as a dot, and what each organ loses to what."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
