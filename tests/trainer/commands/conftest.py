"""A training and a curated mask, made as a user makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from trainer.cli import app
from trainer.data.store import Store


@pytest.fixture
def one_thread():
    """Networks this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def trained(one_thread: None, cohort_folder: Path, recipe: Path, tmp_path: Path) -> Path:
    out = tmp_path / "run"
    words = ("train", cohort_folder, "--recipe", recipe, "--out", out, "--device", "cpu")
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def curated(cohort_folder: Path) -> np.ndarray:
    mask = np.zeros((300, 400), np.uint8)
    mask[10:20, 30:50] = 1
    store = Store.for_cohort(cohort_folder)
    store.add("11", mask, tool="brush", status="accepted", note="redrawn")
    store.close()
    return mask
