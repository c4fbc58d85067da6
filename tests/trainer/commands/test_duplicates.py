from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.cohort import Cohort
from trainer.data.tiff import write_rgb
from trainer.review import groups


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))


@pytest.fixture
def twins(cohort_folder: Path) -> Path:
    """Case 12 shows case 11's image, mirrored."""
    image = Cohort.open(cohort_folder).image("11")
    write_rgb(cohort_folder / "train_images" / "12.tiff", image[:, ::-1].copy(), 90)
    return cohort_folder


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_pairs_and_groups_are_told_and_nothing_is_written(twins: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in twins.rglob("*")}
    result = call("duplicates", twins, "--json")

    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["groups"] == [["11", "12"]]
    (pair,) = document["pairs"]
    assert (pair["first"], pair["second"]) == ("11", "12")
    assert 0 <= pair["distance"] < 0.1 < document["near"]
    assert {path: path.stat().st_mtime_ns for path in twins.rglob("*")} == before


def test_the_csv_is_written_when_asked_for(twins: Path) -> None:
    result = call("duplicates", twins, "--write")

    assert result.exit_code == 0
    assert "11" in result.stdout and "12" in result.stdout
    assert groups.read(twins) == {"11": "1", "12": "1"}


def test_a_cohort_without_copies_says_so(cohort_folder: Path) -> None:
    result = call("duplicates", cohort_folder)

    assert result.exit_code == 0
    assert "No two of 5 images look alike." in result.stdout


def test_an_image_that_cannot_be_read_costs_the_others_nothing(twins: Path) -> None:
    (twins / "train_images" / "22.tiff").write_bytes(b"no tiff")
    result = call("duplicates", twins, "--json")

    assert result.exit_code == 1
    assert "22.tiff" in result.stderr
    document = json.loads(result.stdout)
    assert document["cases"] == 4 and document["groups"] == [["11", "12"]]


def test_a_training_with_a_bad_csv_is_refused_before_it_reads_an_image(
    twins: Path, tmp_path: Path
) -> None:
    (twins / groups.FILE).write_text("id,group\n11,1\n11,2\n")
    shutil.rmtree(twins / "train_images")
    result = call("train", twins, "--recipe", "quick", "--out", tmp_path / "run")

    assert result.exit_code == 1
    assert f"{groups.FILE}, row 3: the id 11 is there twice; take one away." in result.stderr
    assert not (tmp_path / "run").exists()
