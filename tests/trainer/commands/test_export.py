from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data import rle
from trainer.data.store import Store


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


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
