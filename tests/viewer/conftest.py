"""A session as a window has it, for tests without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort


@pytest.fixture
def session(cohort_folder: Path) -> Iterator[Session]:
    """The tiny cohort; who loads a case that is wanted is the test's to say."""
    session = Session()
    session.open_cohort(Cohort.open(cohort_folder))
    yield session
    session.close()
