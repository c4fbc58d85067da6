"""The data room on real cohorts."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

from trainer.data import contours, rle, tiff
from trainer.data.cohort import Cohort
from trainer.metrics import dice

pytestmark = pytest.mark.realdata

SETS = {
    "hubmap_2022_3000": (9, 0.9927),
    "hubmap_2022_small": (30, 0.9266),
    "colon_glands": (85, 0.9999),
    "kidney_glomeruli": (65, 1.0),
    "prostate_glands": (6, 1.0),
    "mosaics_3000": (7, 0.9996),
}


@pytest.mark.parametrize("name", SETS)
def test_a_cohort_s_truth_is_its_annotation_and_reads_back(real_data: Path, name: str):
    count, least = SETS[name]
    cohort = Cohort.open(real_data / name)
    assert len(cohort.cases) == count
    assert cohort.problems == ()
    scores = {}
    for case_id in cohort.cases:
        truth = cohort.truth(case_id)
        assert truth is not None
        assert truth.shape == cohort.shape(case_id)
        assert np.array_equal(rle.decode(rle.encode(truth), truth.shape), truth)
        path = cohort.folder / "train_annotations" / f"{case_id}.json"
        if path.is_file():
            scores[case_id] = dice(truth, contours.read_annotation(path, truth.shape))
    assert scores
    assert min(scores.values()) >= least


@pytest.mark.parametrize("name", ["colon_glands", "prostate_glands", "hubmap_2022_3000"])
def test_images_are_those_of_a_plain_reading(real_data: Path, name: str):
    cohort = Cohort.open(real_data / name)
    for case in cohort.cases.values():
        image = cohort.image(case.id)
        plain = tifffile.imread(case.image_path).squeeze()
        if plain.shape[0] == 3:
            plain = np.moveaxis(plain, 0, -1)
        assert image.shape == (case.height, case.width, 3)
        assert np.array_equal(image, plain)
        assert tiff.image_shape(case.image_path) == image.shape[:2]


def test_polygons_hold_real_masks_exactly(real_data: Path):
    cohort = Cohort.open(real_data / "hubmap_2022_3000")
    for case_id in cohort.cases:
        truth = cohort.truth(case_id)
        assert truth is not None
        polygons = contours.to_polygons(truth)
        rings = [ring for polygon in polygons for ring in (polygon.outer, *polygon.holes)]
        assert np.array_equal(contours.fill(rings, truth.shape), truth)


def test_the_competition_s_polygons_are_its_run_lengths_one_row_lower(real_data: Path):
    csv.field_size_limit(2**30)
    identical = 0
    with (
        gzip.open(real_data / "hubmap_2022_train_rows.csv.gz", "rt", encoding="utf-8") as table,
        zipfile.ZipFile(real_data / "hubmap_2022_train_annotations.zip") as annotations,
    ):
        rows = list(csv.DictReader(table))[::5]
        for row in rows:
            shape = (int(row["img_height"]), int(row["img_width"]))
            truth = rle.decode(row["rle"], shape)
            name = f"train_annotations/{row['id']}.json"
            drawn = contours.to_mask(json.loads(annotations.read(name)), shape)
            assert dice(truth, drawn) > 0.98
            identical += np.array_equal(truth[:-1], drawn[1:])
    assert identical >= len(rows) - 1


def test_redrawn_geojson_is_read(real_data: Path, tmp_path: Path):
    with zipfile.ZipFile(real_data / "hubmap_2022_redrawn_annotations.zip") as annotations:
        names = [name for name in annotations.namelist() if name.endswith(".json")]
        empty = 0
        for name in names[::4]:
            path = Path(annotations.extract(name, tmp_path))
            mask = contours.read_annotation(path, (3070, 3070))
            empty += not mask.any()
    assert empty <= 1


def test_slides_are_read_as_rgb(real_data: Path):
    shapes = {path.name: tiff.read_rgb(path).shape for path in (real_data / "slides").iterdir()}
    assert shapes == {
        "cmu-1-small-region.svs": (2967, 2220, 3),
        "tcga-cr-7395-01a-01-ts1.svs": (3567, 4443, 3),
    }
