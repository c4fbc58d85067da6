from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.store import Store

COMMANDS = (
    "train", "predict", "evaluate", "export", "history", "findings", "suspects", "calibrate",
    "bench", "compare", "duplicates", "causes", "accept", "agreement", "report", "stats",
    "models",
)  # fmt: skip
WITHOUT_A_COHORT = {"models"}


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


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
        about = " data" if words[0] not in WITHOUT_A_COHORT else ""
        assert f"hubmap-trainer {words[0]}{about}" in done.stdout


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


def test_brackets_are_no_markup(cohort_folder: Path, tmp_path: Path):
    store = Store.for_cohort(cohort_folder)
    store.add("11", np.ones((300, 400), np.uint8), tool="brush", note="[/b]")
    store.close()
    out = tmp_path / "[/b].csv"

    assert "[/b]" in call("history", cohort_folder, "11").stdout
    done = call("export", cohort_folder, "--what", "curated", "--format", "rle", "--out", out)
    assert f"1 masks in {out}" in done.stdout
