from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cohorts import Drawn, write_cohort
from trainer.cli import app
from trainer.data.case import Prediction
from trainer.data.predictions import Predictions
from trainer.data.store import FILE, Store

SIZE = (40, 48)
LABELLED = Drawn("11", "lung", SIZE, discs=((20, 20, 9),))
LUNGS = tuple(Drawn(str(100 + n), "lung", SIZE, discs=((20, 20, 9),)) for n in range(8))
SPLEENS = tuple(Drawn(str(200 + n), "spleen", SIZE, discs=((20, 20, 9),)) for n in range(3))


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["accept", *(str(word) for word in words)])


def document(done: Result) -> dict:
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A labelled case of lung, eight without a label, three of spleen; one of lung doubted."""
    folder = tmp_path / "cohort"
    write_cohort(folder, (LABELLED,), (*LUNGS, *SPLEENS))
    predictions = Predictions.create(folder / "predictions", {"ensemble": "e", "fingerprint": "f"})
    for case in (LABELLED, *LUNGS, *SPLEENS):
        level = 140 if case.id == "107" else 245
        probability = (case.mask * level).astype(np.uint8)
        predictions.write(Prediction(case.id, probability, 0 * probability, SIZE))
    return folder


def accept(folder: Path, *words: object) -> Result:
    return call(folder, "--predictions", folder / "predictions", *words)


def statuses(folder: Path) -> dict[str, str]:
    store = Store.for_cohort(folder)
    newest = {case_id: revision.status for case_id, revision in store.latest_all().items()}
    store.close()
    return newest


def test_a_dry_run_tells_and_changes_nothing(folder: Path):
    told = document(accept(folder, "--tolerance", 0.3, "--dry-run", "--json"))
    assert len(told["candidates"]) == 10
    assert told["left_out"] == {"has a truth": 1, "not confident enough": 1}
    assert told["sample_sizes"] == {"lung": 4, "spleen": 3}
    assert not (folder / FILE).exists()


def test_from_the_rule_to_the_verdict(folder: Path):
    begun = document(accept(folder, "--organ", "lung", "--tolerance", 0.3, "--json"))
    assert sorted(begun["accepted"]) == [str(100 + n) for n in range(7)]
    assert set(statuses(folder).values()) == {"accepted"}
    first, *rest = begun["to_check"]["lung"]

    shown = document(call(folder, "--check", begun["batch"], "--right", first, "--json"))
    assert shown["to_check"] == {"lung": rest}
    assert (shown["organs"][0]["checked"], shown["organs"][0]["outcome"]) == (1, "open")

    words = [word for case_id in rest for word in ("--right", case_id)]
    passed = document(call(folder, "--check", begun["batch"], *words, "--json"))
    assert passed["organs"][0]["outcome"] == "passed"
    assert passed["organs"][0]["bound"] <= 0.3
    assert passed["to_check"] == {}


def test_a_sample_that_fails_reopens_the_organ(folder: Path):
    begun = document(accept(folder, "--json"))
    bad = begun["to_check"]["lung"][0]
    done = call(folder, "--check", begun["batch"], "--wrong", bad)
    assert done.exit_code == 0, done.output
    assert "reopened" in done.stdout
    now = statuses(folder)
    assert now.pop(bad) == "in work"
    assert {now[case.id] for case in LUNGS if case.id in now} == {"unreviewed"}
    assert {now[case.id] for case in SPLEENS} == {"accepted"}

    again = accept(folder, "--json")
    assert document(again)["accepted"] == []
    assert "failed a sample before: 7" in again.stderr


def test_a_batch_is_taken_back(folder: Path):
    begun = document(accept(folder, "--json"))
    document(call(folder, "--check", begun["batch"], "--reopen", "--json"))
    assert set(statuses(folder).values()) == {"unreviewed"}


def test_a_bad_case_costs_the_others_nothing(folder: Path):
    (folder / "predictions" / "101.npz").write_bytes(b"nothing")
    (folder / "test_images" / "102.tiff").unlink()
    done = accept(folder, "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert not {"101", "102"} & set(told["accepted"])
    assert len(told["accepted"]) == 8
    assert any("101.npz" in problem for problem in told["problems"])


def test_too_small_a_sample_is_refused_before_anything_is_accepted(folder: Path):
    done = accept(folder, "--sample", 1)
    assert done.exit_code == 1
    assert "1 of 7 cases of lung can never show" in done.stderr
    assert not (folder / FILE).exists()


def test_no_case_passes(folder: Path):
    done = accept(folder, "--min-confidence", 0.999)
    assert done.exit_code == 0
    assert "No case passes the rule." in done.stdout
    assert not (folder / FILE).exists()


def test_an_interrupted_acceptance_goes_on(folder: Path):
    """Stopped by Ctrl+C while it is at work; then called anew."""
    code = (
        "import os, signal, sys\n"
        "from trainer.data.store import batches\n"
        "keep, count = batches.Batches.accept, 0\n"
        "def accept(self, *told):\n"
        "    global count\n"
        "    count += 1\n"
        "    if count == 4: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return keep(self, *told)\n"
        "batches.Batches.accept = accept\n"
        "from trainer.cli import app\n"
        "app(sys.argv[1:])\n"
    )
    words = ["accept", str(folder), "--predictions", str(folder / "predictions")]
    stopped = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, env={**os.environ}
    )
    assert stopped.returncode == 1, stopped.stderr
    assert "Stopped; 4 of 10 are accepted in batch 1, the same call goes on." in stopped.stderr
    assert len(statuses(folder)) == 4

    done = accept(folder, "--json")
    assert "Going on with batch 1." in done.stderr
    assert document(done)["batch"] == 1
    assert len(document(done)["accepted"]) == 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--predictions DIR or --check BATCH"),
        (["--predictions", "{}/predictions", "--check", "1"], "--predictions DIR or --check BATCH"),
        (["--predictions", "{}/predictions", "--right", "100"], "need --check"),
        (["--predictions", "{}/predictions", "--organ", "brain"], "no case of brain"),
        (["--check", "1", "--right", "1", "--wrong", "1"], "both right and wrong"),
        (["--predictions", "{}/predictions", "--min-confidence", "2"], "less than or equal to 1"),
    ],
)
def test_a_wrong_call(folder: Path, words: list[str], said: str):
    done = call(folder, *(word.format(folder) for word in words))
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())


def test_a_batch_that_is_not_there(folder: Path):
    done = call(folder, "--check", 3)
    assert done.exit_code == 1
    assert "there is no batch 3" in done.stderr
    assert not (folder / FILE).exists()
