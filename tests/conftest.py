"""Fixtures that stack: a tiny cohort on disk, opened, reviewed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real cohorts: HUBMAP_REAL_DATA, else ../shared/data beside the checkout."""
    named = os.environ.get("HUBMAP_REAL_DATA")
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(named) if named else beside
    if not (folder / "colon_glands" / "train.csv").is_file():
        pytest.skip(f"no real images at {folder} (set HUBMAP_REAL_DATA)")
    return folder
