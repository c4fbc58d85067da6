"""The suspects dock: truths that the networks contradict, and images that look alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hubmap_viewer.docks.base import Dock
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session

HINT = "Suspects: truths that out-of-fold predictions contradict, and images that look alike."


class SuspectsDock(Dock):
    """Truths that the networks contradict, and images that look alike."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
