"""A crop in other laboratories' colours; an image's own are found once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samples import of
from trainer.data import stain
from trainer.data.cohort import Cohort
from trainer.data.tiff import read_rgb, write_rgb
from trainer.errors import SettingsError
from trainer.settings import Augmentation, Recipe, read_recipe
from trainer.train.augment import Augment
from trainer.train.dataset import Sample, load
from trainer.train.dyes import colours
from trainer.train.labels import Labels
from trainer.train.run import run

OFF: dict[str, Any] = {
    "flips": False, "rotate": 0, "scale": 0, "brightness": 0, "contrast": 0, "saturation": 0,
    "hue": 0,
}  # fmt: skip
METHODS: tuple[stain.Method, ...] = ("reinhard", "macenko", "vahadane", "histogram")


def section(shift: tuple[int, int, int] = (0, 0, 0), side: int = 64) -> np.ndarray:
    """Purple squares on pink, a little of everything else."""
    rng = np.random.default_rng(1)
    ground = np.full((side, side, 3), (215, 150, 190))
    ground[10:40, 8:30] = (110, 60, 150)
    noisy = ground + rng.integers(-25, 26, ground.shape) + np.array(shift)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "refs"
    for name, shift in (("a", (0, 40, -90)), ("b", (-60, 30, 0))):
        write_rgb(place / f"{name}.tiff", section(shift), 100)
    (place / "notes.txt").write_text("not an image")
    return place


def changed(augmentation: dict[str, Any], sample: Sample, seed: int = 0) -> np.ndarray:
    augment = Augment(Augmentation.model_validate(OFF | augmentation))
    return augment(sample, np.random.default_rng(seed), 64).image


def known(image: np.ndarray) -> Sample:
    return of(image, np.zeros(image.shape[:2], np.uint8), colours=colours(image, METHODS))


@pytest.mark.parametrize("method", METHODS)
def test_a_crop_takes_each_reference_s_colours(method: stain.Method, folder: Path):
    told = {"references": str(folder), "methods": [method], "probability": 1}
    sample = known(section())
    brought = [
        stain.transfer(sample.image, stain.Reference.of(read_rgb(file), method))
        for file in sorted(folder.glob("*.tiff"))
    ]
    seen = set()
    for seed in range(12):
        crop = changed({"transfer": told}, sample, seed)
        found = [at for at, one in enumerate(brought) if np.array_equal(one, crop)]
        assert len(found) == 1
        seen.update(found)
    assert seen == {0, 1}


def test_a_blend_is_between_both(folder: Path):
    told = {"references": str(folder / "a.tiff"), "methods": ["histogram"], "probability": 1}
    image = section()
    whole = changed({"transfer": told}, known(image)).astype(int)
    half = changed({"transfer": told | {"blend": [0.5, 0.5]}}, known(image))
    assert np.abs(half - (whole + image) / 2).max() <= 1


def test_the_image_s_own_stains_are_turned(folder: Path):
    sample = known(section())
    assert not np.array_equal(changed({"stains": 0.2}, sample), sample.image)
    unknown = of(sample.image, sample.coverage)
    assert np.array_equal(changed({"stains": 0.2}, unknown), sample.image)


def test_references_are_found_from_the_recipe_s_folder(folder: Path, tmp_path: Path):
    text = (
        "name: mine\naugmentation:\n  transfer: {references: refs}\n"
        "  by_organ: {lung: {transfer: {references: refs/b.tiff}}}\n"
    )
    (tmp_path / "r.yaml").write_text(text, "utf-8")
    recipe = read_recipe(tmp_path / "r.yaml")
    assert [one.references for one in recipe.augmentation.transfers()] == [
        str(folder), str(folder / "b.tiff"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told"),
    [("none", "none: there are no references of `transfer`; name a tiff or a folder"),
     ("empty", "empty: holds no tiff that `transfer` could use")],
)  # fmt: skip
def test_references_that_are_not_there_are_told_before_images_are_read(
    name: str, told: str, cohort_folder: Path, tiny_recipe: Recipe, tmp_path: Path
):
    (tmp_path / "empty").mkdir()
    transfer = {"transfer": {"references": str(tmp_path / name)}}
    recipe = tiny_recipe.model_copy(update={"augmentation": Augmentation.model_validate(transfer)})
    heard = []
    with pytest.raises(SettingsError, match=told):
        run(Cohort.open(cohort_folder), recipe, tmp_path / "run", progress=heard.append)
    assert not heard
    assert not (tmp_path / "run").exists()


def test_stains_are_found_once_a_case_and_kept(
    cohort_folder: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told = {"transfer": {"references": str(folder), "methods": METHODS}, "stains": 0.1}
    recipe = Recipe(name="x", size=128, augmentation=Augmentation.model_validate(told))
    labels = Labels.gather(Cohort.open(cohort_folder), None)

    def loaded() -> list[Sample]:
        return [one for one in load(labels, recipe, tmp_path) if isinstance(one, Sample)]

    first = loaded()
    fits, fit = [], stain.fit
    monkeypatch.setattr(stain, "fit", lambda *more: fits.append(more) or fit(*more))
    again = loaded()
    assert fits == []
    for sample, other in zip(first, again, strict=True):
        assert list(sample.colours) == list(other.colours) == list(METHODS)
        for method in METHODS:
            before = stain.transfer(np.array(sample.image), sample.colours[method])
            assert np.array_equal(
                before, stain.transfer(np.array(sample.image), other.colours[method])
            )
    # neither does a crop look for what the case has told
    augment = Augment(recipe.augmentation)
    fits.clear()
    for seed in range(8):
        augment(first[0], np.random.default_rng(seed), 64)
    assert fits == []


def test_without_transfer_no_stains_are_looked_for(cohort_folder: Path, tmp_path: Path):
    labels = Labels.gather(Cohort.open(cohort_folder), None)
    samples = [one for one in load(labels, Recipe(name="x"), tmp_path) if isinstance(one, Sample)]
    assert all(not sample.colours for sample in samples)
