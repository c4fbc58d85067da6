from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import FILE, Store
from trainer.errors import ExportError
from trainer.export import FILES, FORMATS, Format, Selection, write


@pytest.fixture
def store(cohort_folder: Path) -> Iterator[Store]:
    store = Store.for_cohort(cohort_folder)
    store.add("11", np.ones((300, 400), np.uint8), tool="brush")
    store.add("12", np.ones((30, 40), np.uint8), tool="brush")
    yield store
    store.close()


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(
    "name",
    [
        *("train.csv", "test.csv", "train_images", "test_images/deep", "train_annotations"),
        *(FILE, "store.url", "journals/11.journal"),
    ],
)
def test_the_cohort_s_own_files_are_spared(cohort_folder: Path, store: Store, fmt: Format, name):
    before = content(cohort_folder)
    selection = Selection(Cohort.open(cohort_folder), "truth")
    with pytest.raises(ExportError, match="; choose another"):
        write(selection.masks(), fmt, cohort_folder / name)
    assert content(cohort_folder) == before


@pytest.mark.parametrize("fmt", FORMATS)
def test_other_places_in_the_cohort_s_folder_are_free(cohort_folder: Path, fmt: Format):
    selection = Selection(Cohort.open(cohort_folder), "truth")
    out = cohort_folder / "masks"
    assert write(selection.masks(), fmt, out) == 4
    assert out.is_file() == (fmt in FILES)


def test_a_curated_mask_of_another_size_is_told_and_left_out(cohort_folder: Path, store: Store):
    selection = Selection(Cohort.open(cohort_folder), "curated", store)
    assert [case.id for case, _ in selection.masks()] == ["11"]
    (problem,) = selection.problems
    assert "case 12: the curated mask is 30×40 px, the image 300×400" in str(problem)


def test_a_curated_mask_outlives_its_image(cohort_folder: Path, store: Store):
    (cohort_folder / "train_images" / "11.tiff").write_bytes(b"lost")
    (cohort_folder / "train_images" / "12.tiff").unlink()
    selection = Selection(Cohort.open(cohort_folder), "curated", store)
    assert [case.id for case, _ in selection.masks()] == ["11", "12"]


def test_a_prediction_of_another_cohort_s_image_is_told(cohort_folder: Path, tmp_path: Path):
    predictions = Predictions.create(tmp_path / "p", {"threshold": 0.5})
    small = np.zeros((32, 32), np.uint8)
    predictions.write(Prediction("11", small, small, (300, 400)))
    predictions.write(Prediction("12", small, small, (400, 300)))
    selection = Selection(Cohort.open(cohort_folder), "prediction", None, predictions)
    assert [case.id for case, _ in selection.masks()] == ["11"]
    (problem,) = selection.problems
    assert "12.npz, case 12: was made from an image of 400×300 px, the cohort's is" in str(problem)
    assert str(problem).endswith("; predict this cohort anew.")
