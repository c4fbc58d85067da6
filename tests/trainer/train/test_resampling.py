"""How large images are: sizes, pixel sizes, whole images and batches of several sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cohorts import TRAIN, Drawn, write_cohort
from samples import marked
from trainer.data.cohort import Cohort
from trainer.errors import CohortError, SettingsError
from trainer.predict.ensemble import Predictor
from trainer.settings import Augmentation, Recipe, read_ensemble, read_recipe
from trainer.train.dataset import Crops, Sample, Whole, load
from trainer.train.draws import Draw
from trainer.train.labels import Labels
from trainer.train.run import run
from trainer.train.scales import Scales

STILL = Augmentation.model_validate(
    {"flips": False, "rotate": 0, "scale": 0, "brightness": 0, "contrast": 0, "saturation": 0,
     "hue": 0}
)  # fmt: skip


def recipe(**told: Any) -> Recipe:
    return Recipe.model_validate({"name": "x", "size": 128, "crop": 64, "batch_size": 2} | told)


def loaded(cohort: Path, tmp_path: Path, **told: Any) -> list[Sample | CohortError]:
    return list(load(Labels.gather(Cohort.open(cohort), None), recipe(**told), tmp_path))


def samples_of(items: list[Sample | CohortError]) -> list[Sample]:
    return [item for item in items if isinstance(item, Sample)]


def test_images_are_resampled_to_a_pixel_size_and_a_case_without_one_is_named(
    cohort_folder: Path, tmp_path: Path
):
    items = loaded(cohort_folder, tmp_path, pixel_size=2)
    shapes = {item.case.id: item.coverage.shape for item in samples_of(items)}
    # each is drawn with pixels of 0.5 µm; that of case 22 is not known
    assert shapes == {"11": (75, 100), "12": (75, 100), "21": (64, 64)}
    (problem,) = [item for item in items if isinstance(item, CohortError)]
    assert "case 22: has no pixel size, and the recipe resamples to 2 µm/px" in str(problem)
    assert "fill in its pixel_size in the csv, or give the recipe a `size` instead" in str(problem)


def test_a_pixel_size_that_makes_an_image_endless_is_told(cohort_folder: Path, tmp_path: Path):
    told = [str(one) for one in loaded(cohort_folder, tmp_path, pixel_size=1e-3)]
    assert "case 11: would become 200000 pixels long, more than 30000" in told[0]


def test_squeezed_images_are_squares(cohort_folder: Path, tmp_path: Path):
    for sample in samples_of(loaded(cohort_folder, tmp_path, resize="squeeze")):
        assert sample.image.shape == (128, 128, 3)
        assert sample.coverage.shape == (128, 128)
        there = sample.coverage >= 128
        # the drawn units are purple: less green than the ground
        assert np.asarray(sample.image)[there][:, 1].mean() < 100


def test_without_a_crop_images_are_shown_whole(cohort_folder: Path, tmp_path: Path):
    samples = samples_of(loaded(cohort_folder, tmp_path))
    whole = Crops(samples, recipe(crop=None, augmentation=STILL))
    for index, (pixels, coverage, _) in enumerate(whole):
        assert pixels.shape == (3, 128, 128)
        sample = samples[whole._turns[index]]
        height, width = sample.coverage.shape
        top, left = (128 - height) // 2, (128 - width) // 2
        there = slice(top, top + height), slice(left, left + width)
        assert np.array_equal(coverage[0][there].numpy(), sample.coverage)
        assert np.array_equal(pixels[:, *there].permute(1, 2, 0).numpy(), sample.image)
        if index == 9:
            break


@pytest.mark.parametrize("on_units", [0.0, 0.5, 1.0])
def test_crops_are_laid_on_units_as_often_as_asked(on_units: float):
    coverage = np.zeros((600, 600), np.uint8)
    coverage[300:312, 450:460] = 255
    coverage[20:26, 20:25] = 255
    sample = marked((600, 600))
    sample = type(sample)(sample.case, "d", np.repeat(coverage[..., None], 3, 2), coverage)
    crops = Crops([sample] * 30, recipe(size=600, on_units=on_units, augmentation=STILL))
    torch.manual_seed(0)
    shown = [crops[index][1] for index in range(0, len(crops), 8)]
    share = np.mean([float(bool(coverage.any())) for coverage in shown])

    # 4 % of the crops that may lie anywhere meet one of the two by luck
    assert share == pytest.approx(on_units + (1 - on_units) * 0.04, abs=0.08)


def test_a_case_without_units_is_still_drawn_from():
    empty = marked((80, 80))
    empty.coverage[:] = 0
    assert not Crops([empty], recipe(on_units=1))[0][1].any()


class TestSizes:
    def test_each_step_draws_one_and_says_it_again(self):
        scales = Scales(recipe(sizes=[64, 128, 256]), 256)
        drawn = [scales.size(epoch=0, step=step) for step in range(100)]
        assert min(drawn.count(size) for size in (64, 128, 256)) > 20
        again = Scales(recipe(sizes=[64, 128, 256]), 256)
        assert drawn == [again.size(epoch=3, step=step) for step in range(100)]

    def test_they_grow_with_the_epochs(self):
        scales = Scales(recipe(sizes_from={0: 64, 3: 96, 5: 192}), 192)
        assert [scales.size(epoch, 0) for epoch in range(7)] == [64, 64, 64, 96, 96, 192, 192]
        late = Scales(recipe(sizes_from={2: 256}), 256)
        assert [late.size(epoch, 7) for epoch in range(4)] == [128, 128, 256, 256]

    def test_the_same_place_is_shown_at_every_size(self, cohort_folder: Path, tmp_path: Path):
        told: dict[str, Any] = {"sizes_from": {0: 64, 1: 256}, "crop": 96}
        samples = samples_of(loaded(cohort_folder, tmp_path, **told))
        assert {max(sample.coverage.shape) for sample in samples} == {256}
        crops = Crops(samples[:1], recipe(**told, augmentation=STILL))

        def drawn(epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
            torch.manual_seed(1)
            pixels, coverage, _ = crops.draw(Draw(0, 0, 0, epoch))
            return pixels.float(), coverage.float()

        (small, where), (large, there) = drawn(0), drawn(1)
        assert small.shape == (3, 64, 64) and where.shape == (1, 64, 64)
        assert large.shape == (3, 192, 192) and there.shape == (1, 192, 192)
        # 64 is the least that 96 at half its size may become: it shows a third more
        whole, _ = crops[0][:2]
        assert whole.shape == (3, 96, 96)

    def test_a_smaller_size_is_the_larger_one_averaged(self):
        sample = marked((256, 256))
        told = recipe(size=128, crop=128, sizes=[128, 256], augmentation=STILL)
        crops = Crops([sample], told)
        found = {}
        for step in range(20):
            pixels, coverage, _ = crops.draw(Draw(0, 0, step, 0))
            assert torch.equal(pixels[:1], coverage)
            found[coverage.shape[-1]] = coverage[0].float()
        assert set(found) == {128, 256}
        averaged = found[256].reshape(128, 2, 128, 2).mean((1, 3))
        assert (found[128] - averaged).abs().max() <= 1

    def test_a_crop_knows_its_pixel_size(self, cohort_folder: Path, tmp_path: Path):
        network = {"auxiliary": ["organ", "pixel_size"], "organs": ["lung", "kidney"]}
        told: dict[str, Any] = {"sizes": [64, 128], "augmentation": STILL.model_dump(),
                                "network": network}  # fmt: skip
        samples = samples_of(loaded(cohort_folder, tmp_path, **told))
        crops = Crops([one for one in samples if one.case.id == "11"], recipe(**told))
        for step in range(10):
            pixels, _, _, organ, um = crops.draw(Draw(0, 0, step, 0))
            assert int(organ) == 1
            # 400 pixels of 0.5 µm on 64 or 128
            assert float(um) == pytest.approx(200 / (64 if pixels.shape[-1] == 32 else 128))
        unknown = Crops([one for one in samples if one.case.id == "22"], recipe(**told))
        *_, organ, um = unknown[0]
        assert int(organ) == 0 and bool(um.isnan())

    def test_validation_and_predictions_stay_at_the_recipe_s_size(
        self, cohort_folder: Path, tmp_path: Path
    ):
        told = recipe(sizes=[64, 256])
        samples = samples_of(loaded(cohort_folder, tmp_path, sizes=[64, 256]))
        for pixels, coverage in (Whole(samples, told)[index] for index in range(len(samples))):
            assert max(coverage.shape) == 128
            assert pixels.shape[1] % 32 == pixels.shape[2] % 32 == 0

    @pytest.mark.parametrize(
        "told",
        [{"sizes": (64, 128), "size": 64}, {"sizes_from": {0: 64, 1: 128}, "size": 64, "epochs": 2},
         {"pixel_size": 3.0, "crop": None}, {"resize": "squeeze"}],
    )  # fmt: skip
    @pytest.mark.usefixtures("short_epochs")
    def test_a_run_trains_and_predicts_so(
        self, told: dict[str, Any], cohort_folder: Path, tiny_recipe: Recipe, tmp_path: Path
    ):
        whole = Recipe.model_validate(tiny_recipe.model_dump() | told)
        problems = []
        run(Cohort.open(cohort_folder), whole, tmp_path / "run", device="cpu",
            progress=lambda step: problems.append(step.notice))  # fmt: skip
        ensemble = read_ensemble(tmp_path / "run")
        assert read_recipe(tmp_path / "run" / "recipe.yaml") == whole
        assert {m.pixel_size for m in ensemble.members} == {told.get("pixel_size")}
        assert {m.resize for m in ensemble.members} == {told.get("resize", "pad")}
        cohort = Cohort.open(cohort_folder)
        with Predictor(ensemble, tmp_path / "run", "cpu") as predictor:
            case = cohort.cases["11"]
            found = predictor.predict(cohort.image("11"), "11", None, case=case)
        wanted = {"pixel_size": (50, 67), "resize": (96, 96)}
        shape = next((wanted[key] for key in told if key in wanted), None)
        if shape is not None:
            assert found.probability.shape == shape


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"sizes": [64], "pixel_size": 1}, "`pixel_size` and `sizes` exclude each other"),
        ({"sizes": [64], "sizes_from": {0: 64}}, "`sizes` and `sizes_from` exclude each other"),
        ({"pixel_size": 1, "resize": "squeeze"}, "`resize: squeeze` and `pixel_size` exclude"),
        ({"sizes": [8]}, "greater than or equal to 64"),
        ({"on_units": 2}, "less than or equal to 1"),
    ],
)
def test_what_excludes_each_other_is_told(told: dict[str, Any], words: str):
    with pytest.raises(ValueError, match=words):
        recipe(**told)


class TestCoarser:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Of another scanner: a kidney with pixels of 2 µm, and none of a lung."""
        folder = tmp_path / "two sources"
        write_cohort(folder, [*TRAIN, Drawn("41", "kidney", (60, 80), "2", ((30, 30, 15),))])
        text = (folder / "train.csv").read_text("utf-8")
        (folder / "train.csv").write_text(text.replace("41,kidney,HPA", "41,kidney,Hubmap"))
        return folder

    @pytest.mark.parametrize(
        ("coarser", "wanted"),
        [
            # of 400 pixels of 0.5 µm 128 are left, 1.5625 µm each
            ({"source": "Hubmap"}, {"11": 1.5625 / 2, "12": 1.5625 / 2, "21": None, "22": None,
                                    "41": 80 * 2 / 128 / 2}),
            ({"um": 3.125}, {"11": 0.5, "12": 0.5, "21": 0.32, "22": None, "41": 0.4}),
        ],
    )  # fmt: skip
    def test_by_how_much(self, coarser, wanted, folder: Path, tmp_path: Path):
        augmentation = {"coarser": coarser}
        found = samples_of(loaded(folder, tmp_path, augmentation=augmentation))
        shares = {sample.case.id: sample.coarser for sample in found}
        assert shares == {key: pytest.approx(share) for key, share in wanted.items()}

    def test_a_source_that_nobody_knows_is_told(self, folder: Path, tmp_path: Path):
        with pytest.raises(SettingsError, match=r"train.csv: `coarser` names the source GTEx, and"):
            loaded(folder, tmp_path, augmentation={"coarser": {"source": "GTEx"}})
