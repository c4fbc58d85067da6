"""Resized images are kept by content: never stale, never half-written, never needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cohorts import TRAIN
from trainer.data import tiff
from trainer.data.cohort import Cohort
from trainer.data.tiff import write_rgb
from trainer.settings import Recipe
from trainer.train.dataset import Sample, load
from trainer.train.image_cache import ImageCache
from trainer.train.labels import Labels

RECIPE = Recipe(name="x", size=128, crop=64)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The tiffs whose pixels are read."""
    seen, read = [], tiff.read_rgb
    monkeypatch.setattr(tiff, "read_rgb", lambda path: seen.append(path) or read(path))
    return seen


def loaded(folder: Path, scratch: Path, recipe: Recipe = RECIPE) -> dict[str, Sample]:
    items = load(Labels.gather(Cohort.open(folder), None), recipe, scratch)
    return {item.case.id: item for item in items if isinstance(item, Sample)}


def test_a_tiff_is_read_once_for_all_runs_of_a_size(
    cohort_folder: Path, tmp_path: Path, reads: list[Path]
):
    first = loaded(cohort_folder, tmp_path)
    assert len(reads) == 4
    again = loaded(cohort_folder, tmp_path)
    assert len(reads) == 4
    for case_id, sample in again.items():
        assert isinstance(sample.image, np.memmap)
        assert np.array_equal(sample.image, first[case_id].image)
    loaded(cohort_folder, tmp_path, RECIPE.model_copy(update={"size": 96}))
    assert len(reads) == 8


def test_an_image_that_has_changed_is_read_anew(
    cohort_folder: Path, tmp_path: Path, reads: list[Path]
):
    loaded(cohort_folder, tmp_path)
    path = cohort_folder / "train_images" / "11.tiff"
    write_rgb(path, 255 - TRAIN[0].image, 95)
    reads.clear()
    image = loaded(cohort_folder, tmp_path)["11"].image

    assert reads == [path]
    assert np.abs(image.mean() - (255 - TRAIN[0].image).mean()) < 3


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", "half", "other"])
def test_what_is_damaged_is_made_anew(
    damage: bytes | str, cohort_folder: Path, tmp_path: Path, reads: list[Path]
):
    before = {key: np.array(one.image) for key, one in loaded(cohort_folder, tmp_path).items()}
    for file in (cohort_folder / "cache" / "images").iterdir():
        content = file.read_bytes()
        file.unlink()
        if damage == "other":
            np.save(file, np.zeros((5, 5, 3), np.uint8))
        else:
            file.write_bytes(content[: len(content) // 2] if isinstance(damage, str) else damage)
    reads.clear()
    after = loaded(cohort_folder, tmp_path)

    assert len(reads) == 4
    assert all(np.array_equal(after[key].image, before[key]) for key in before)


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    image = np.zeros((20, 30, 3), np.uint8)

    def full(file: Path, array: np.ndarray) -> None:
        file.write_bytes(b"the beginning")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    cache = ImageCache(tmp_path / "cache")
    assert cache.image("d", (20, 30), lambda: image) is image
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_nothing(cohort_folder: Path, tmp_path: Path):
    # even the super-user makes no folder where a file is
    (cohort_folder / "cache").write_text("in the way")
    there = loaded(cohort_folder, tmp_path)
    assert len(there) == 4
    assert not any(isinstance(sample.image, np.memmap) for sample in there.values())
