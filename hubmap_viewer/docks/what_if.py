"""The what-if dock: thresholds tried on the whole cohort, without touching an image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hubmap_viewer.docks.base import Dock
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session

HINT = "What if: try thresholds for each organ and see all cases follow."


class WhatIfDock(Dock):
    """Thresholds tried on the whole cohort, without touching an image."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
