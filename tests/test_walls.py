"""The walls of "How it is built" (README): the contracts in pyproject.toml, and what loads what."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("trainer", "hubmap_viewer")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold the two packages in a folder to the contracts."""
    code = "import sys; from importlinter import cli; sys.exit(cli.lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_walls_stand() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "wall"),
    [
        ("trainer/metrics.py", "import qtpy", "engine | face"),
        ("trainer/train/loop.py", "import hubmap_viewer.session", "engine | face"),
        ("trainer/data/cohort.py", "import torch", "data | torch"),
        ("trainer/data/store/__init__.py", "import timm", "data | torch"),
        ("trainer/predict/postprocess.py", "import trainer.model.network", "data | torch"),
        ("trainer/data/cohort.py", "import tifffile", "importer of tifffile"),
        ("hubmap_viewer/writers.py", "import tifffile", "importer of tifffile"),
        ("trainer/export.py", "import sqlalchemy", "importer of SQLAlchemy"),
        ("hubmap_viewer/session.py", "import qtpy", "session | docks"),
        ("hubmap_viewer/scores.py", "import napari", "session | docks"),
        ("hubmap_viewer/veil.py", "import hubmap_viewer.jobs", "session | docks"),
        ("hubmap_viewer/layers.py", "import qtpy", "only importers of Qt"),
        ("hubmap_viewer/desk.py", "import superqt", "only importers of Qt"),
        ("hubmap_viewer/docks/base.py", "import PyQt5", "qtpy stands between"),
        ("hubmap_viewer/docks/review.py", "import hubmap_viewer.docks.train", "not each other"),
        ("hubmap_viewer/docks/export.py", "import napari", "docks | layers"),
        ("hubmap_viewer/docks/train.py", "import hubmap_viewer.layers", "docks | layers"),
        ("hubmap_viewer/app.py", "import torch", "never loads a network"),
        ("hubmap_viewer/engine.py", "import trainer.predict.ensemble", "never loads a network"),
    ],
)
def test_a_broken_wall_is_noticed(tmp_path: Path, module: str, line: str, wall: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    with (tmp_path / module).open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [said for said in done.stdout.splitlines() if " BROKEN" in said]
    assert any(wall in said for said in broken), done.stdout


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import hubmap_viewer.session", ("qtpy", "napari", "torch")),
        ("import trainer.export", ("qtpy", "napari", "torch")),
        ("import hubmap_viewer.desk, hubmap_viewer.docks.ensemble", ("torch", "timm")),
    ],
)
def test_an_import_brings_no_more_than_it_needs(code: str, absent: tuple[str, ...]) -> None:
    assert loaded_by(code).isdisjoint(absent)


def test_help_is_there_without_torch() -> None:
    code = """
import trainer.cli
sys.argv = ["hubmap-trainer", "--help"]
try:
    trainer.cli.main()
except SystemExit as end:
    assert end.code == 0
"""
    assert loaded_by(code).isdisjoint(("torch", "qtpy", "napari", "pytorch_lightning"))


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a new Python has loaded after this code."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('LOADED', *sys.modules)"],
        capture_output=True,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED ")[2].split())
