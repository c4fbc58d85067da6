"""Fixtures that stack: a tiny cohort on disk, opened, reviewed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cohorts import TEST, TRAIN, write_cohort

GUI = Path(__file__).parent / "gui"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Windows come last: torch's LLVM crashes where a software GL driver's came first."""
    items.sort(key=lambda item: GUI in item.path.parents)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real cohorts: HUBMAP_REAL_DATA, else ../shared/data beside the checkout."""
    named = os.environ.get("HUBMAP_REAL_DATA")
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(named) if named else beside
    if not (folder / "colon_glands" / "train.csv").is_file():
        pytest.skip(f"no real images at {folder} (set HUBMAP_REAL_DATA)")
    return folder


@pytest.fixture
def cohort_folder(tmp_path: Path) -> Path:
    """Four labelled cases of two organs and sizes, and one without a label."""
    folder = tmp_path / "cohort"
    write_cohort(folder, TRAIN, TEST)
    return folder
