"""Fixtures that stack: a tiny cohort on disk, opened, reviewed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from cohorts import TEST, TRAIN, write_cohort
from postgres import Server, binaries, running

GUI = Path(__file__).parent / "gui"

# Each process has preferences of its own: not the user's, and not those that another
# process's test changes. It is said here as napari reads it when it is imported.
_PREFERENCES = tempfile.TemporaryDirectory(prefix="preferences-")
os.environ["NAPARI_CONFIG"] = str(Path(_PREFERENCES.name) / "settings.yaml")

# A slow machine is no defect, and what is tried is the same each time.
settings.register_profile(
    "patient",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")


def pytest_unconfigure() -> None:
    _PREFERENCES.cleanup()


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


@pytest.fixture(scope="session")
def drawn_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny cohort as nobody has touched it: to be copied."""
    folder = tmp_path_factory.mktemp("drawn") / "cohort"
    write_cohort(folder, TRAIN, TEST)
    return folder


@pytest.fixture
def cohort_folder(drawn_cohort: Path, tmp_path: Path) -> Path:
    """Four labelled cases of two organs and sizes, and one without a label."""
    return shutil.copytree(drawn_cohort, tmp_path / "cohort", copy_function=shutil.copy)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A real server, started once."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (the extra `postgresql`)")
    programs = binaries()
    if programs is None:
        pytest.skip("there is no PostgreSQL server here (Debian's package `postgresql`)")
    with running(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a store may be: a file that is not there yet, and an empty schema of a server."""
    if request.param == "sqlite":
        return tmp_path / "reviews.sqlite"
    return request.getfixturevalue("postgresql").new_place()


@pytest.fixture
def sql(place: Path | str, request: pytest.FixtureRequest) -> Callable[[str], list[Any]]:
    """Runs a statement past the store that is at `place`, and tells what it returns."""

    def run(statement: str) -> list[Any]:
        if isinstance(place, str):
            return request.getfixturevalue("postgresql").execute(statement, place)
        with closing(sqlite3.connect(place, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    return run
