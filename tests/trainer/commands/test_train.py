from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.settings import read_ensemble

pytestmark = pytest.mark.usefixtures("one_thread")


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.usefixtures("short_epochs")
def test_train_tells_its_table_as_json_and_progress_elsewhere(
    cohort_folder: Path, recipe: Path, tmp_path: Path
):
    out = tmp_path / "run"
    done = call("train", cohort_folder, "--recipe", recipe, "--out", out, "--minutes", 5, "--json")

    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [row["organ"] for row in document["organs"]] == ["kidney", "lung", "all"]
    assert document["problems"] == []
    assert "1 of 5 cases have no mask" in done.stderr
    assert "Fold 2 of 2" in done.stderr
    assert not any(word in done.stderr for word in ("Warning", "lightning", "TPU"))
    assert not list(out.glob("lightning_logs"))


def test_an_unknown_encoder_is_told_before_images_are_read(
    cohort_folder: Path, recipe: Path, tmp_path: Path
):
    recipe.write_text(recipe.read_text().replace("mobilenetv3_small_050", "resnt18"))
    done = call("train", cohort_folder, "--recipe", recipe, "--out", tmp_path / "run")

    assert done.exit_code == 1
    assert "unknown encoder `resnt18` (did you mean `resnet18`?)" in done.stderr
    assert "Reading" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM])
def test_a_training_told_to_stop_leaves_its_finished_folds(
    wish: signal.Signals, cohort_folder: Path, recipe: Path, tmp_path: Path
):
    out = tmp_path / "run"
    longer = recipe.read_text().replace("epochs: 1\n", "epochs: 2\n")
    recipe.write_text(longer)
    words = ["train", cohort_folder, "--recipe", recipe, "--out", out]
    command = [sys.executable, "-m", "trainer.cli", *map(str, words)]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=alone) as training:
        assert training.stderr is not None
        said = ""
        for line in training.stderr:
            said += line
            if "Fold 2 of 2" in line:
                training.send_signal(wish)
                break
        said += training.stderr.read()

    assert training.returncode == 1, said
    assert "Stopped; finished folds: 1, usable in" in said.replace("\n", "")
    assert len(read_ensemble(out).members) == 1
    assert sorted(path.name for path in out.iterdir()) == [
        *("ensemble.yaml", "fold0", "folds.csv", "recipe.yaml", "run.json")
    ]
