from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data import rle
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import Store
from trainer.object_metrics import object_scores
from trainer.review.masks import Predicted
from trainer.settings import Network, Recipe, read_ensemble, to_yaml

COMMANDS = (
    "train", "predict", "evaluate", "export", "history", "findings", "suspects", "calibrate",
    "bench", "compare", "duplicates", "causes", "accept", "agreement", "report", "stats",
)  # fmt: skip

TWO_CLUSTERS = ("--workers", "1", "--scheduler", "tcp://head:8786")


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    network = Network(
        encoder="mobilenetv3_small_050", decoder_channels=(16, 16, 8, 8, 8), pretrained=False
    )
    tiny = Recipe(name="tiny", network=network, size=96, crop=64, folds=2, epochs=1, batch_size=2)
    path = tmp_path / "tiny.yaml"
    path.write_text(to_yaml(tiny), "utf-8")
    return path


@pytest.fixture
def trained(cohort_folder: Path, recipe: Path, tmp_path: Path) -> Path:
    out = tmp_path / "run"
    result = call("train", cohort_folder, "--recipe", recipe, "--out", out, "--device", "cpu")
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


@pytest.mark.parametrize("words", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_says_how_and_does_not_wait_for_torch(words: list[str]):
    code = (
        "import sys; from trainer.cli import app\n"
        f"try: app({words!r})\n"
        "except SystemExit as end: print('status', end.code)\n"
        "print('torch' in sys.modules, 'sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-2:] == ["status 0", "False False"]
    assert "Usage" in done.stdout
    if len(words) > 1:
        assert f"hubmap-trainer {words[0]} data" in done.stdout


def test_the_loop_on_the_command_line(cohort_folder: Path, trained: Path, tmp_path: Path):
    masks, scores = tmp_path / "masks.csv", tmp_path / "dice.csv"
    out = tmp_path / "predictions"
    predicted = call(
        "predict", cohort_folder, "--ensemble", trained, "--out", out, "--device", "cpu", "--json"
    )
    ids = list(Cohort.open(cohort_folder).cases)
    assert predicted.exit_code == 0, predicted.output
    assert json.loads(predicted.stdout)["cases"] == ids
    assert {path.stem for path in out.glob("*.npz")} == set(ids)

    evaluated = call("evaluate", cohort_folder, "--predictions", out, "--csv", scores, "--json")
    assert evaluated.exit_code == 0, evaluated.output
    document = json.loads(evaluated.stdout)
    with scores.open(encoding="utf-8", newline="") as file:
        table = {row["id"]: row for row in csv.DictReader(file)}
    assert set(table) == {"11", "12", "21", "22"}
    for case in document["cases"]:
        assert float(table[case["case_id"]]["dice"]) == pytest.approx(case["dice"], abs=1e-4)
        assert case["iou"] == pytest.approx(case["dice"] / (2 - case["dice"]))
        assert_units(out, cohort_folder, case, table[case["case_id"]])
    mean = np.mean([case["dice"] for case in document["cases"]])
    assert document["organs"][-1]["organ"] == "all"
    assert document["organs"][-1]["dice_mean"] == pytest.approx(mean)

    exported = call(
        *("export", cohort_folder, "--what", "prediction", "--predictions", out),
        *("--format", "rle", "--out", masks),
    )
    assert exported.exit_code == 0, exported.output
    assert masks.read_text().startswith("id,rle")


def assert_units(out: Path, cohort_folder: Path, told: dict, row: dict[str, str]) -> None:
    """The object measures are those of the mask that is exported."""
    cohort = Cohort.open(cohort_folder)
    found = Predicted(cohort, Predictions.open(out)).mask(told["case_id"])
    truth = cohort.truth(told["case_id"])
    assert truth is not None
    wanted = object_scores(found, truth)
    assert (told["object_f1"], told["object_dice"]) == (wanted.f1, wanted.dice)
    assert float(row["object_dice"]) == pytest.approx(wanted.dice, abs=1e-4)
    farthest = wanted.hausdorff if math.isfinite(wanted.hausdorff) else None
    assert told["object_hausdorff"] == farthest
    assert (row["object_hausdorff"] == "") == (farthest is None)


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


def test_a_bad_case_costs_the_others_nothing_and_ends_with_1(
    cohort_folder: Path, trained: Path, tmp_path: Path
):
    (cohort_folder / "train_images" / "12.tiff").write_bytes(b"no tiff")
    out = tmp_path / "predictions"
    done = call("predict", cohort_folder, "--ensemble", trained, "--out", out, "--json")

    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert "12" not in document["cases"]
    assert len(document["cases"]) == 4
    assert len(document["problems"]) == 1
    assert "12.tiff" in document["problems"][0]
    assert len([line for line in done.stderr.splitlines() if "12.tiff" in line]) == 1


def test_the_same_call_again_makes_nothing_anew(cohort_folder: Path, trained: Path, tmp_path: Path):
    out = tmp_path / "predictions"
    words = ("predict", cohort_folder, "--ensemble", trained, "--out", out, "--device", "cpu")
    assert call(*words, "--memory", 20).exit_code == 0
    files = {path: path.stat().st_mtime_ns for path in out.glob("*.npz")}
    again = call(*words, "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["cases"] == [path.stem for path in sorted(files)]
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.npz")} == files
    assert not (out / "members").exists()


def test_another_mix_of_kept_members_needs_no_weights_of_its_own(
    cohort_folder: Path, trained: Path, tmp_path: Path
):
    out = tmp_path / "predictions"
    words = ("predict", cohort_folder, "--out", out, "--device", "cpu", "--keep-members")
    assert call(*words, "--ensemble", trained).exit_code == 0
    kept = {path.name for path in (out / "members").glob("*.npz")}
    assert kept == {path.name for path in out.glob("*.npz")}
    before = json.loads((out / "prediction.json").read_text("utf-8"))
    mixed = read_ensemble(trained).model_copy(update={"fusion": "geometric"})
    (trained / "mixed.yaml").write_text(to_yaml(mixed), "utf-8")
    done = call(*words, "--ensemble", trained / "mixed.yaml")
    assert done.exit_code == 0, done.output
    after = json.loads((out / "prediction.json").read_text("utf-8"))
    assert before["fingerprint"] != after["fingerprint"]
    assert {path.name for path in out.glob("*.npz")} == kept


def test_an_organ_that_no_member_serves_costs_its_cases_only(
    cohort_folder: Path, trained: Path, tmp_path: Path
):
    ensemble = read_ensemble(trained)
    lungs = [member.model_copy(update={"organs": ("lung",)}) for member in ensemble.members]
    path = trained / "lungs.yaml"
    path.write_text(to_yaml(ensemble.model_copy(update={"members": tuple(lungs)})), "utf-8")
    out = tmp_path / "predictions"
    done = call("predict", cohort_folder, "--ensemble", path, "--out", out, "--device", "cpu")
    assert done.exit_code == 1
    assert "case 11: no member of the ensemble serves the organ kidney" in done.stderr
    assert {path.stem for path in out.glob("*.npz")} == {"21", "22"}


def test_only_the_named_cases_are_predicted(cohort_folder: Path, trained: Path, tmp_path: Path):
    out = tmp_path / "predictions"
    words = ("--case", "31", "--case", "11")
    done = call("predict", cohort_folder, "--ensemble", trained, "--out", out, *words)

    assert done.exit_code == 0, done.output
    assert {path.stem for path in out.glob("*.npz")} == {"31", "11"}


def test_curated_masks_are_exported_as_they_are(
    cohort_folder: Path, curated: np.ndarray, tmp_path: Path
):
    out = tmp_path / "curated.csv"
    done = call(
        "export", cohort_folder, "--what", "curated", "--format", "rle", "--out", out, "--json"
    )

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["masks"] == 1
    assert out.read_text("utf-8").splitlines()[1:] == [f"11,{rle.encode(curated)}"]


class TestAsOf:
    """What the curated set was, exported later."""

    def exported(self, cohort_folder: Path, when: object, out: Path) -> tuple[Result, list[str]]:
        words = ("--what", "curated", "--as-of", when, "--format", "rle", "--out", out)
        done = call("export", cohort_folder, *words)
        return done, out.read_text("utf-8").splitlines()[1:] if out.exists() else []

    @pytest.fixture
    def revised(self, cohort_folder: Path, curated: np.ndarray) -> Path:
        """Case 11 is drawn over and 12 is drawn, after `curated`."""
        store = Store.for_cohort(cohort_folder)
        store.add("11", 1 - curated, tool="brush", status="accepted")
        store.add("12", curated, tool="brush", status="accepted")
        store.close()
        return cohort_folder

    def test_of_a_time(self, revised: Path, curated: np.ndarray, tmp_path: Path):
        store = Store.for_cohort(revised)
        first, second = (revision.created.isoformat() for revision in store.history("11"))
        store.close()
        done, lines = self.exported(revised, first, tmp_path / "a.csv")
        assert done.exit_code == 0, done.output
        assert lines == [f"11,{rle.encode(curated)}"]
        _, lines = self.exported(revised, second, tmp_path / "b.csv")
        assert lines == [f"11,{rle.encode(1 - curated)}"]

    def test_of_a_run(self, revised: Path, curated: np.ndarray, tmp_path: Path):
        run = tmp_path / "run"
        run.mkdir()
        (run / "run.json").write_text(json.dumps({"revisions": {"11": 1}}))
        done, lines = self.exported(revised, run, tmp_path / "a.csv")
        assert done.exit_code == 0, done.output
        assert lines == [f"11,{rle.encode(curated)}"]

    @pytest.mark.parametrize(
        ("told", "says"),
        [
            (None, "run: holds no run; name a folder that"),
            ("[]", "run.json: does not say which revisions it used"),
            ('{"revisions": {}}', "run.json: names no revision: the run learned from truth"),
            ('{"revisions": {"11": 77}}', "there is no revision 77"),
            ('{"revisions": {"12": 1}}', "case 12: revision 1 is of case 11 in this store"),
        ],
    )
    def test_of_no_such_run(self, revised: Path, tmp_path: Path, told: str | None, says: str):
        run = tmp_path / "run"
        run.mkdir()
        if told is not None:
            (run / "run.json").write_text(told)
        done, lines = self.exported(revised, run, tmp_path / "a.csv")
        assert done.exit_code == 1
        assert says in done.stderr
        assert lines == []

    def test_of_neither(self, revised: Path, tmp_path: Path):
        done, _ = self.exported(revised, "last week", tmp_path / "a.csv")
        assert done.exit_code == 2
        assert "neither a run's folder nor a time" in " ".join(done.stderr.split())


def test_history_tells_each_revision(cohort_folder: Path, curated: np.ndarray):
    done = call("history", cohort_folder, "11", "--json")
    (revision,) = json.loads(done.stdout)["revisions"]

    assert done.exit_code == 0
    assert (revision["status"], revision["tool"], revision["note"]) == (
        "accepted",
        "brush",
        "redrawn",
    )
    assert "redrawn" in call("history", cohort_folder, "11").stdout


def test_asking_for_what_is_not_curated_makes_no_database(cohort_folder: Path):
    done = call("history", cohort_folder, "11", "--json")

    assert done.exit_code == 0
    assert json.loads(done.stdout)["revisions"] == []
    assert not (cohort_folder / "reviews.sqlite").exists()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["train", "{cohort}"],
        ["train", "{cohort}", "--recipe", "nosuch", "--out", "x"],
        ["predict", "{cohort}", "--ensemble", "x", "--out", "y", "--case", "nosuch"],
        [
            "predict",
            "{cohort}",
            *["--ensemble", "x", "--out", "y", "--workers", "1", "--scheduler", "z"],
        ],
        ["export", "{cohort}", "--what", "prediction", "--format", "rle", "--out", "x"],
        ["export", "{cohort}", "--what", "truth", "--format", "bmp", "--out", "x"],
        [
            "export",
            "{cohort}",
            "--what",
            "truth",
            "--as-of",
            "2026-03-02",
            "--format",
            "rle",
            "--out",
            "x",
        ],
        ["history", "{cohort}", "nosuch"],
        ["nosuch"],
    ],
)
def test_a_wrong_call_ends_with_2(words: list[str], cohort_folder: Path):
    done = call(*(word.format(cohort=cohort_folder) for word in words))

    assert done.exit_code == 2
    assert done.stdout == "" or not words


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["history", "nowhere", "11"], "nowhere"),
        (["evaluate", "{cohort}", "--predictions", "nowhere"], "nowhere"),
        (["predict", "{cohort}", "--ensemble", "nowhere.yaml", "--out", "x"], "nowhere.yaml"),
        (
            ["train", "{cohort}", "--recipe", "{bad}", "--out", "x"],
            "did you mean `folds`?",
        ),
        (
            ["train", "{cohort}", "--recipe", "quick", "--out", "x", "--device", "cuda:99"],
            "there is no device `cuda:99`",
        ),
        (
            ["export", "{cohort}", "--what", "curated", "--format", "rle", "--out", "{out}"],
            "there is no such mask to write",
        ),
    ],
)
def test_what_goes_wrong_is_one_line_and_status_1(
    words: list[str], told: str, cohort_folder: Path, tmp_path: Path
):
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: bad\nfold: 3\n")
    places = {"cohort": cohort_folder, "bad": bad, "out": tmp_path / "out.csv"}
    done = call(*(word.format(**places) for word in words))

    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    assert len([line for line in done.stderr.splitlines() if told in line]) == 1
    assert "Traceback" not in done.stderr


def test_a_wrong_size_without_a_mask_is_told_and_predicted(
    cohort_folder: Path, trained: Path, tmp_path: Path
):
    table = cohort_folder / "test.csv"
    table.write_text(table.read_text("utf-8").replace("280,280", "281,280"), "utf-8")
    words = ("--out", tmp_path / "p", "--case", "31", "--case", "31", "--json")
    done = call("predict", cohort_folder, "--ensemble", trained, *words)

    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["cases"] == ["31"]
    (told,) = document["problems"]
    assert "test.csv, row 2, case 31: img_height is 281, but 31.tiff is 280×280" in told


def test_a_missing_image_is_told_once(cohort_folder: Path, tmp_path: Path):
    (cohort_folder / "train_images" / "12.tiff").unlink()
    words = ("--what", "truth", "--format", "rle", "--out", tmp_path / "o.csv", "--json")
    done = call("export", cohort_folder, *words)

    assert done.exit_code == 1
    assert json.loads(done.stdout)["masks"] == 3
    assert done.stderr.count("12.tiff") == 1


def test_every_problem_is_told_where_nothing_is_written(cohort_folder: Path, tmp_path: Path):
    for image in (cohort_folder / "train_images").iterdir():
        image.write_bytes(b"no tiff")
    words = ("--what", "truth", "--format", "rle", "--out", tmp_path / "o.csv")
    done = call("export", cohort_folder, *words)

    assert done.exit_code == 1
    for case_id in ("11", "12", "21", "22"):
        assert f"{case_id}.tiff, case {case_id}: is damaged or no tiff" in done.stderr
    assert "there is no such mask to write" in done.stderr
    assert not (tmp_path / "o.csv").exists()


def test_brackets_are_no_markup(cohort_folder: Path, tmp_path: Path):
    store = Store.for_cohort(cohort_folder)
    store.add("11", np.ones((300, 400), np.uint8), tool="brush", note="[/b]")
    store.close()
    out = tmp_path / "[/b].csv"

    assert "[/b]" in call("history", cohort_folder, "11").stdout
    done = call("export", cohort_folder, "--what", "curated", "--format", "rle", "--out", out)
    assert f"1 masks in {out}" in done.stdout


def test_scores_are_not_written_over_the_cohort(cohort_folder: Path, trained: Path, tmp_path: Path):
    table = cohort_folder / "train.csv"
    before = table.read_bytes()
    done = call("evaluate", cohort_folder, "--predictions", trained / "oof", "--csv", table)

    assert done.exit_code == 1
    assert "train.csv: belongs to the cohort" in done.stderr
    assert table.read_bytes() == before


def _interrupt(process: subprocess.Popen[str]) -> None:
    """Press Ctrl+C until it ends: Python hears a signal only once a blocked read is entered."""
    for _ in range(12):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_an_export_told_to_stop_says_so_and_leaves_nothing(cohort_folder: Path, tmp_path: Path):
    slow, out = cohort_folder / "train_annotations" / "12.json", tmp_path / "masks"
    slow.parent.mkdir()
    os.mkfifo(slow)
    with (cohort_folder / "train.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    emptied = [[*row[:7], "" if row[0] == "12" else row[7], *row[8:]] for row in rows]
    with (cohort_folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *emptied])
    words = ["export", cohort_folder, "--what", "truth", "--format", "tiff", "--out", out]
    command = [sys.executable, "-m", "trainer.cli", *map(str, words)]
    before = set(tmp_path.iterdir())
    # A shell's background jobs, and so their children, begin with Ctrl+C ignored.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    ) as exporting:
        with slow.open("wb"):  # opens as soon as the export reads it
            _interrupt(exporting)
        assert exporting.stderr is not None
        assert exporting.stderr.read() == "Stopped.\n"

    assert exporting.returncode == 1
    assert set(tmp_path.iterdir()) == before


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
    endless = recipe.read_text().replace("epochs: 1\n", "epochs: 100000\n")
    recipe.write_text(endless)
    words = ["train", cohort_folder, "--recipe", recipe, "--out", out, "--minutes", "0.2"]
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
