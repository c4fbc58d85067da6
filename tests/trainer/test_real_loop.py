"""The loop of train, predict and export on real images of every origin there is."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from small_nets import single
from trainer.cli import app
from trainer.data import rle, tiff
from trainer.data.cohort import Cohort
from trainer.data.exchange import rle_csv
from trainer.data.predictions import Predictions
from trainer.locate import resource

pytestmark = [
    pytest.mark.realdata, pytest.mark.slow, pytest.mark.usefixtures("short_epochs")
]  # fmt: skip

COHORTS = (
    "hubmap_2022_3000", "hubmap_2022_small", "colon_glands", "kidney_glomeruli", "prostate_glands",
)  # fmt: skip
MOST = 6


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with single():
        yield


def call(*words: object) -> dict:
    done = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["problems"] == []
    return document


def part_of(source: Path, folder: Path, most: int, prefix: str = "") -> Path:
    """A cohort of at most `most` cases, spread over a real one, that links to its images."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with (source / "train.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[0] == "id"
    images = folder / "train_images"
    images.mkdir(parents=True)
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        for case_id, *cells in rows[:: -(-len(rows) // most)]:
            table.writerow((prefix + case_id, *cells))
            image = source / "train_images" / f"{case_id}.tiff"
            (images / f"{prefix}{case_id}.tiff").symlink_to(image)
    return folder


def predict(cohort: Path, ensemble: Path, out: Path) -> Predictions:
    document = call(
        "predict", cohort, "--ensemble", ensemble, "--out", out, "--device", "cpu"
    )  # fmt: skip
    assert document["cases"] == list(Cohort.open(cohort).cases)
    return Predictions.open(out)


@pytest.mark.parametrize("name", COHORTS)
def test_a_training_measures_every_case_out_of_fold(
    real_data: Path, tmp_path: Path, recipe: Path, name: str
):
    folder = part_of(real_data / name, tmp_path / "cohort", MOST)
    run = tmp_path / "run"
    table = call("train", folder, "--recipe", recipe, "--out", run, "--device", "cpu")["organs"]

    cases = Cohort.open(folder).cases
    assert 2 <= len(cases) <= MOST
    assert table[-1]["organ"] == "all"
    assert table[-1]["cases"] == len(cases)
    assert {row["organ"] for row in table[:-1]} == {case.organ for case in cases.values()}
    oof = Predictions.open(run / "oof")
    assert oof.ids() == set(cases)
    assert not any(kept.in_sample for kept in map(oof.read, cases) if kept)


@pytest.mark.parametrize("name", COHORTS)
def test_the_bundled_ensemble_s_masks_leave_in_two_formats_alike(
    real_data: Path, tmp_path: Path, name: str
):
    folder = part_of(real_data / name, tmp_path / "cohort", MOST)
    out = tmp_path / "predictions"
    predict(folder, resource("demo/ensemble/ensemble.yaml"), out)
    cohort = Cohort.open(folder)
    exporting = ("export", folder, "--what", "prediction", "--predictions", out)
    for fmt, place in (("rle", tmp_path / "masks.csv"), ("tiff", tmp_path / "masks")):
        document = call(*exporting, "--format", fmt, "--out", place)
        assert document["masks"] == len(cohort.cases)

    texts = rle_csv.read(tmp_path / "masks.csv")
    assert list(texts) == list(cohort.cases)
    for case_id, text in texts.items():
        shape = cohort.shape(case_id)
        mask = tiff.read_mask(tmp_path / "masks" / f"{case_id}.tiff")
        assert mask.shape == shape == cohort.image(case_id).shape[:2]
        assert np.array_equal(rle.decode(text, shape), mask)
    assert any(texts.values())


def test_mosaics_open_and_are_predicted(real_data: Path, tmp_path: Path):
    folder = part_of(real_data / "mosaics_3000", tmp_path / "cohort", 2)
    out = predict(folder, resource("demo/ensemble/ensemble.yaml"), tmp_path / "predictions")
    cohort = Cohort.open(folder)
    for case_id in cohort.cases:
        prediction = out.read(case_id)
        assert prediction is not None
        assert prediction.shape == cohort.image(case_id).shape[:2] == (3000, 3000)
        truth = cohort.truth(case_id)
        assert truth is not None
        assert truth.any()


def test_a_run_knows_its_training_cases_under_any_name(
    real_data: Path, tmp_path: Path, recipe: Path
):
    source = real_data / "colon_glands"
    folder = part_of(source, tmp_path / "cohort", MOST)
    renamed = part_of(source, tmp_path / "renamed", MOST, prefix="r")
    run = tmp_path / "run"
    call("train", folder, "--recipe", recipe, "--out", run, "--device", "cpu")
    oof = Predictions.open(run / "oof")
    kept = predict(renamed, run / "ensemble.yaml", tmp_path / "predictions")
    for case_id in Cohort.open(folder).cases:
        first, again = oof.read(case_id), kept.read(f"r{case_id}")
        assert first is not None
        assert again is not None
        assert not again.in_sample
        assert np.array_equal(first.probability, again.probability)
