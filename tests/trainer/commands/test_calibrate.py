from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cohorts import TRAIN
from trainer.cli import app
from trainer.data.case import Prediction
from trainer.data.predictions import Predictions
from trainer.settings import Ensemble, Member, read_ensemble, to_yaml

MIDDLE = 0.294
"""Of the levels 60 to 90, between ground and units."""


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Units at 90 of 255: nothing is found at 0.5, all is from 60 to 90."""
    folder = Predictions.create(tmp_path / "predictions", {"ensemble": "shy", "threshold": 0.5})
    for one in TRAIN:
        ground = np.random.default_rng(int(one.id)).integers(0, 60, one.shape)
        probability = np.where(one.mask, 90, ground).astype(np.uint8)
        folder.write(Prediction(one.id, probability, probability // 9, one.shape))
    return folder.folder


@pytest.fixture
def ensemble(tmp_path: Path) -> Path:
    path = tmp_path / "ensemble.yaml"
    member = Member(weights="w.safetensors", weight=1.0)
    shy = Ensemble(
        name="shy",
        members=(member,),
        tta=("identity",),
        threshold=0.5,
        thresholds={"skin": 0.7},
    )
    path.write_text(to_yaml(shy), "utf-8")
    return path


def test_the_threshold_that_finds_them_is_told(cohort_folder: Path, predictions: Path) -> None:
    done = call("calibrate", cohort_folder, "--predictions", predictions, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [one["organ"] for one in document["organs"]] == ["kidney", "lung"]
    for one in [*document["organs"], document["all"]]:
        assert 60 / 255 < one["threshold"] <= 90 / 255
        assert one["dice"] == one["gain"] == one["cross_validated_gain"] == 1
        assert not one["within_noise"]
        assert not one["of_run"]
    assert document["all"]["cases"] == 4
    assert document["applied"] is None
    assert "at random" in done.stderr


def test_the_table_is_whole_on_eighty_columns(cohort_folder: Path, predictions: Path) -> None:
    words = ["calibrate", str(cohort_folder), "--predictions", str(predictions)]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["lung", "2", "0.294", "1.000", "+1.000", "+1.000", "0.000", "0.000", "0.294"] in rows


def test_applied_it_is_what_the_ensemble_says_from_now_on(
    cohort_folder: Path, predictions: Path, ensemble: Path
) -> None:
    words = ["calibrate", cohort_folder, "--predictions", predictions, "--apply", ensemble]
    done = call(*words, "--json")
    assert done.exit_code == 0, done.output
    after = read_ensemble(ensemble)
    assert after.thresholds == {"skin": 0.7, "kidney": MIDDLE, "lung": MIDDLE}
    assert json.loads(done.stdout)["applied"] == after.thresholds
    assert "written for kidney, lung" in done.stderr


def test_what_may_be_luck_is_not_applied(
    cohort_folder: Path, predictions: Path, ensemble: Path
) -> None:
    """One case is all that is left of lung: nothing can be held out."""
    (predictions / "22.npz").unlink()
    words = ["calibrate", cohort_folder, "--predictions", predictions, "--apply", ensemble]
    done = call(*words)
    assert done.exit_code == 0, done.output
    assert read_ensemble(ensemble).thresholds == {"skin": 0.7, "kidney": MIDDLE}
    told = " ".join(done.stderr.split())
    assert "lung: too few cases to hold any out, so nothing is advised." in told
    assert "kidney: no run names the folds" in told
    assert "left as it was for lung" in told


def test_another_ensemble_s_yaml_is_refused_and_the_result_told_all_the_same(
    cohort_folder: Path, predictions: Path, ensemble: Path
) -> None:
    ensemble.write_text(ensemble.read_text().replace("name: shy", "name: bold"))
    before = ensemble.read_bytes()
    words = ["calibrate", cohort_folder, "--predictions", predictions, "--apply", ensemble]
    done = call(*words, "--json")
    assert done.exit_code == 1
    assert "is the ensemble `bold`, these are predictions of `shy`" in done.stderr
    document = json.loads(done.stdout)
    assert document["applied"] is None
    assert len(document["problems"]) == 1
    assert len(document["organs"]) == 2
    assert ensemble.read_bytes() == before


def test_cases_seen_in_training_are_told_and_left_out(
    cohort_folder: Path, predictions: Path
) -> None:
    folder = Predictions.open(predictions)
    for case_id in ("11", "12"):
        was = folder.read(case_id)
        assert was is not None
        folder.write(Prediction(case_id, was.probability, was.disagreement, was.shape, True))
    done = call("calibrate", cohort_folder, "--predictions", predictions, "--json")
    assert done.exit_code == 0, done.output
    assert [one["organ"] for one in json.loads(done.stdout)["organs"]] == ["lung"]
    assert "2 cases were seen in training and are left out" in done.stderr


def test_a_bad_case_is_told_and_the_rest_is_measured(
    cohort_folder: Path, predictions: Path
) -> None:
    (predictions / "11.npz").write_bytes(b"no")
    done = call("calibrate", cohort_folder, "--predictions", predictions, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["all"]["cases"] == 3
    assert "case 11: is damaged; delete it and predict anew" in done.stderr


def test_nothing_to_measure_is_one_sentence(cohort_folder: Path, tmp_path: Path) -> None:
    empty = Predictions.create(tmp_path / "empty", {}).folder
    done = call("calibrate", cohort_folder, "--predictions", empty)
    assert done.exit_code == 1
    assert done.stderr.strip() == f"{empty}: no case has both a truth and a prediction."


@pytest.mark.parametrize("command", ["calibrate", "compare"])
def test_help_waits_for_neither_torch_nor_scipy(command: str) -> None:
    code = (
        "import sys; from trainer.cli import app\n"
        f"try: app([{command!r}, '--help'])\n"
        "except SystemExit as end: print('status', end.code)\n"
        "print([name for name in ('torch', 'scipy', 'cv2', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2] == "status 0"
    assert "torch" not in done.stdout.splitlines()[-1]
    assert "scipy" not in done.stdout.splitlines()[-1]
    assert f"hubmap-trainer {command} data" in done.stdout


def test_thresholds_are_chosen_before_post_processing_and_it_is_said(
    cohort_folder: Path, predictions: Path
) -> None:
    words = ("calibrate", cohort_folder, "--predictions", predictions)
    assert "before post-processing" not in call(*words).stderr.replace("\n", " ")
    path = predictions / "prediction.json"
    told = {"postprocess": {"default": {"erode": 2}}}
    path.write_text(json.dumps(json.loads(path.read_text()) | told))
    assert "before post-processing" in call(*words).stderr.replace("\n", " ")


def run(folder: Path, name: str, *, noise: float, dims: float = 1.0) -> Path:
    """A run's folder whose out-of-fold predictions are right but for noise; two members."""
    home = folder / name
    weights = [f"fold{fold}/weights.safetensors" for fold in (0, 1)]
    members = [{"weights": one, "weight": 2.0} for one in weights]
    told = Ensemble.model_validate({"name": name, "members": members})
    oof = Predictions.create(home / "oof", {"ensemble": name, "threshold": 0.5})
    (home / "ensemble.yaml").write_text(to_yaml(told), "utf-8")
    rows = [f"{one.id},{number % 2}" for number, one in enumerate(TRAIN)]
    (home / "folds.csv").write_text("\n".join(["id,fold", *rows]), "utf-8")
    for one in TRAIN:
        rng = np.random.default_rng(int(one.id))
        logits = (one.mask * 2.0 - 1 + rng.normal(0, noise, one.shape)) * dims
        probability = np.rint(255 / (1 + np.exp(-logits))).astype(np.uint8)
        oof.write(Prediction(one.id, probability, probability // 9, one.shape))
    return oof.folder


def test_what_is_written_reads_back_and_is_what_was_advised(
    cohort_folder: Path, tmp_path: Path
) -> None:
    oof, out = run(tmp_path, "first", noise=0.5, dims=0.3), tmp_path / "elsewhere" / "new.yaml"
    out.parent.mkdir()
    picture = tmp_path / "reliability.png"
    words = ["calibrate", cohort_folder, "--predictions", oof, "--write", out, "--json"]
    done = call(*words, "--diagram", picture)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    after, before = read_ensemble(out), read_ensemble(oof.parent)
    for one in document["settings"]:
        assert one["temperature"]["used"] < 0.7  # too unsure as they are
        assert after.temperatures[one["organ"]] == one["temperature"]["used"]
        assert one["reliability"]["after"]["error"] < one["reliability"]["before"]["error"]
        wanted = 0.5 if one["threshold"]["within_noise"] else one["threshold"]["threshold"]
        assert after.thresholds[one["organ"]] == wanted
    assert [(out.parent / one.weights).resolve() for one in after.members if one.weights] == [
        (oof.parent / one.weights).resolve() for one in before.members if one.weights
    ]
    assert after.name == "first"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert document["written"] == str(out)


def test_runs_are_weighted_and_their_members_share_it(cohort_folder: Path, tmp_path: Path) -> None:
    good, bad = run(tmp_path, "good", noise=0.8), run(tmp_path, "bad", noise=6.0)
    out = tmp_path / "both.yaml"
    words = ["calibrate", cohort_folder, "--predictions", good, "--predictions", bad]
    done = call(*words, "--write", out, "--json")
    assert done.exit_code == 0, done.output
    after = read_ensemble(out)
    assert after.name == "both"
    for one in json.loads(done.stdout)["settings"]:
        first, second = one["weights"]["used"]
        assert first > 0.7 and first + second == pytest.approx(1)
        shares = [member.weight_for(one["organ"]) for member in after.members]
        assert shares == pytest.approx([first / 2, first / 2, second / 2, second / 2])
    assert [member.weight for member in after.members] == pytest.approx([0.25] * 4)


def test_what_all_runs_saw_in_training_is_refused(cohort_folder: Path, tmp_path: Path) -> None:
    good, seen = run(tmp_path, "good", noise=0.8), run(tmp_path, "seen", noise=0.8)
    folder = Predictions.open(seen)
    for case_id in folder.ids():
        was = folder.read(case_id)
        assert was is not None
        folder.write(Prediction(case_id, was.probability, was.disagreement, was.shape, True))
    for words in ([seen], [good, "--predictions", seen]):
        out = tmp_path / "never.yaml"
        done = call("calibrate", cohort_folder, "--predictions", *words, "--write", out)
        assert done.exit_code == 1
        assert "seen in training" in done.stderr
        assert "such as a run's `oof`" in done.stderr
        assert not out.exists()


@pytest.mark.parametrize(
    ("said", "wrong"),
    [({"tta": ["identity", "hflip"]}, "another `tta`"), ({"fusion": "vote"}, "fusion: vote")],
)
def test_runs_that_make_no_one_ensemble_are_refused(
    cohort_folder: Path, tmp_path: Path, said: dict[str, object], wrong: str
) -> None:
    first, second = run(tmp_path, "first", noise=1.0), run(tmp_path, "second", noise=1.0)
    told = read_ensemble(second.parent).model_dump(mode="json") | said
    (second.parent / "ensemble.yaml").write_text(to_yaml(Ensemble.model_validate(told)), "utf-8")
    words = ["calibrate", cohort_folder, "--predictions", first, "--predictions", second]
    done = call(*words)
    assert done.exit_code == 1
    assert wrong in done.stderr


def test_predictions_of_no_run_can_be_measured_but_not_written(
    cohort_folder: Path, predictions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.yaml"
    done = call("calibrate", cohort_folder, "--predictions", predictions, "--write", out)
    assert done.exit_code == 1
    assert "lies in no run's folder" in done.stderr
    assert not out.exists()
