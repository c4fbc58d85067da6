"""Curves in other programs' books."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from small_nets import Plain
from trainer.data.cohort import Cohort
from trainer.errors import SettingsError
from trainer.settings import Recipe, Training
from trainer.train import logbooks
from trainer.train.run import run


def test_a_logbook_that_is_not_installed_is_told_before_anything_is_read(
    cohort_folder: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logbooks, "find_spec", lambda _: None)
    wanted = recipe.model_copy(update={"training": Training(logbooks=("tensorboard",))})
    with pytest.raises(SettingsError, match=r"tensorboard is not installed; pip install"):
        run(Cohort.open(cohort_folder), wanted, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_curves_go_to_tensorboard_too(trained: Callable[..., Any], recipe: Recipe, tmp_path: Path):
    pytest.importorskip("tensorboard")
    trained(recipe, Plain, logbooks=("tensorboard",))
    assert list(tmp_path.rglob("events.out.tfevents.*"))


@pytest.mark.parametrize("named", [True, False])
def test_curves_go_to_mlflow_too(
    named: bool,
    trained: Callable[..., Any],
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    server = f"sqlite:///{tmp_path / 'server.db'}"
    if named:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    trained(recipe, Plain, logbooks=("mlflow",))
    files = [f"sqlite:///{path}" for path in tmp_path.rglob("*.db")]
    assert len(files) == 1
    assert (files[0] == server) == named
    mlflow.set_tracking_uri(files[0])
    told = mlflow.search_runs(search_all_experiments=True)
    assert len(told) == 1
    assert told["metrics.val_dice"].notna().all()
