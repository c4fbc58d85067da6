"""A training and a curated mask, made as a user makes them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from small_nets import single, write_tiny
from trainer.cli import app
from trainer.data.store import Store


@pytest.fixture
def one_thread() -> Iterator[None]:
    with single():
        yield


@pytest.fixture(scope="session")
def trained_once(drawn_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the tiny cohort, to be copied."""
    place = tmp_path_factory.mktemp("trained")
    cohort = shutil.copytree(drawn_cohort, place / "cohort")
    recipe, out = write_tiny(place / "tiny.yaml"), place / "run"
    words = ("train", cohort, "--recipe", recipe, "--out", out, "--device", "cpu")
    with single():
        result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def trained(one_thread: None, trained_once: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained_once, tmp_path / "run")


@pytest.fixture
def curated(cohort_folder: Path) -> np.ndarray:
    mask = np.zeros((300, 400), np.uint8)
    mask[10:20, 30:50] = 1
    store = Store.for_cohort(cohort_folder)
    store.add("11", mask, tool="brush", status="accepted", note="redrawn")
    store.close()
    return mask
