"""`hubmap-trainer report`."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from trainer.cli import app


def test_a_page_is_written_and_told(cohort_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = CliRunner().invoke(app, ["report", str(cohort_folder), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["sections"] == ["Cohort"]
    assert "kidney" in out.read_text(encoding="utf-8")


def test_a_cohorts_own_file_is_spared(cohort_folder: Path) -> None:
    before = (cohort_folder / "train.csv").read_bytes()
    csv = str(cohort_folder / "train.csv")
    done = CliRunner().invoke(app, ["report", str(cohort_folder), "--out", csv])
    assert done.exit_code == 1
    assert (cohort_folder / "train.csv").read_bytes() == before


def test_an_earlier_ensemble_needs_a_later_one(cohort_folder: Path, tmp_path: Path) -> None:
    words = [str(cohort_folder), "--out", str(tmp_path / "r.html"), "--before", str(tmp_path)]
    done = CliRunner().invoke(app, ["report", *words])
    assert done.exit_code == 2
    assert "--before needs --predictions" in done.stderr
