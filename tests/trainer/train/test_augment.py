"""What a crop goes through: image and mask move together, colours leave the mask alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as F

from samples import marked, of
from trainer.settings import Augmentation, Recipe
from trainer.train import flaws, tones
from trainer.train.augment import Augment
from trainer.train.dataset import Crops, Sample

OFF: dict[str, Any] = {
    "flips": False, "rotate": 0, "scale": 0, "brightness": 0, "contrast": 0, "saturation": 0,
    "hue": 0,
}  # fmt: skip
MOVES: dict[str, Any] = {
    "flips": True, "rotate": 40, "scale": 0.4, "aspect": 0.4, "shift": 0.3, "elastic": 0.06,
    "grid": 0.4, "optical": 0.3,
}  # fmt: skip
TONES: dict[str, Any] = {
    "brightness": 0.5, "contrast": 0.5, "saturation": 0.8, "hue": 0.3, "hsv": 0.2, "gamma": 1,
    "hed": 0.2,
}  # fmt: skip
FLAWS: dict[str, Any] = {
    "blur": 4, "downscale": 0.9, "noise": 0.2, "jpeg": 0.95, "cutout": 0.4,
}  # fmt: skip


def only(**changes: Any) -> Augmentation:
    return Augmentation.model_validate(OFF | changes)


def drawn(augmentation: Augmentation, sample: Sample, side: int, seed: int = 0):
    crop = Augment(augmentation)(sample, np.random.default_rng(seed), side)
    return crop.image, crop.coverage


def coloured(side: int = 96) -> Sample:
    """Tissue-like colours, no two neighbours alike."""
    rng = np.random.default_rng(0)
    small = rng.integers(90, 220, (side // 8, side // 8, 3)).astype(np.uint8)
    image = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    return of(image, (image[..., 0] > 150).astype(np.uint8) * 255)


@pytest.mark.parametrize("shape", [(300, 200), (64, 64), (96, 97), (20, 500), (3, 3), (1, 9)])
@pytest.mark.parametrize("augmentation", [only(), only(**MOVES), Augmentation()])
def test_a_crop_has_its_size_whatever_the_image(shape, augmentation):
    image, coverage = drawn(augmentation, marked(shape), 96)

    assert image.shape == (96, 96, 3)
    assert coverage.shape == (96, 96)
    assert image.dtype == coverage.dtype == np.uint8


@pytest.mark.parametrize("side", [128, 320])
@pytest.mark.parametrize("name", [*MOVES, "all"])
def test_image_and_mask_move_together(name: str, side: int):
    moved = only(**(MOVES if name == "all" else {name: MOVES[name]}))
    sample, differs = marked(), 0
    for seed in range(12):
        image, coverage = drawn(moved, sample, side, seed)
        # the same resampling of the same numbers
        assert np.array_equal(image[..., 0], coverage)
        differs += not np.array_equal(coverage, drawn(only(), sample, side, seed)[1])
    assert differs >= 6


@pytest.mark.parametrize("name", [*TONES, *FLAWS])
def test_colours_change_the_image_and_never_the_mask(name: str):
    changed = only(**{name: (TONES | FLAWS)[name]})
    sample = coloured(160)
    for seed in range(4):
        plain, where = drawn(only(), sample, 128, seed)
        image, coverage = drawn(changed, sample, 128, seed)
        assert np.array_equal(coverage, where)
        assert not np.array_equal(image, plain)


@pytest.mark.parametrize("name", ["blur", "downscale", "noise", "jpeg", "coarser"])
def test_flaws_move_nothing(name: str):
    """A disc's centre of light stays where its mask's is."""
    rows, columns = np.mgrid[:128, :128].astype(float)
    coverage = np.where((rows - 50) ** 2 + (columns - 70) ** 2 < 30**2, 255, 0).astype(np.uint8)
    sample = of(np.repeat(coverage[..., None], 3, 2), coverage, coarser=0.13)
    wanted = FLAWS | {"noise": 0.02, "coarser": {"um": 4, "probability": 1}}
    for seed in range(5):
        image, _ = drawn(only(**{name: wanted[name]}), sample, 128, seed)
        light = image.mean(2)
        centre = [(place * light).sum() / light.sum() for place in (rows, columns)]
        assert centre == pytest.approx([50, 70], abs=0.5)


@pytest.mark.parametrize("name", [*MOVES, *TONES, *FLAWS])
def test_what_has_no_probability_does_not_happen(name: str):
    if name == "flips":
        return
    never = only(**{name: {"strength": (MOVES | TONES | FLAWS)[name], "probability": 0}})
    for mine, theirs in zip(drawn(never, coloured(), 64), drawn(only(), coloured(), 64),
                            strict=True):  # fmt: skip
        assert np.array_equal(mine, theirs)


def test_probability_is_the_share_of_crops_that_are_changed():
    sometimes = only(blur={"strength": 3, "probability": 0.3})
    sample, plain = coloured(64), coloured(64).image
    changed = sum(not np.array_equal(drawn(sometimes, sample, 64, s)[0], plain)
                  for s in range(200))  # fmt: skip
    assert 35 < changed < 85


def test_an_organ_s_own_changes_go_first():
    augmentation = only(blur=3, by_organ={"prostate": {"blur": 0, "downscale": 0.8}})
    kidney, prostate = coloured(), of(coloured().image, coloured().coverage, "prostate")
    plain, _ = drawn(only(), kidney, 96)

    assert np.array_equal(drawn(only(blur=3), kidney, 96)[0], drawn(augmentation, kidney, 96)[0])
    shrunk, _ = drawn(only(downscale=0.8), kidney, 96)
    assert np.array_equal(drawn(augmentation, prostate, 96)[0], shrunk)
    assert not np.array_equal(shrunk, plain)


def test_with_all_switched_off_a_crop_is_a_part_of_the_image():
    image = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    for seed in range(20):
        crop, _ = drawn(only(), of(image, image[..., 0]), 32, seed)
        corners = [(top, left) for top in range(9) for left in range(19)
                   if np.array_equal(image[top : top + 32, left : left + 32], crop)]  # fmt: skip
        assert len(corners) == 1


def test_flips_are_the_eight_symmetries_and_blur_nothing():
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    eight = [np.rot90(side, turn) for side in (image, image[:, ::-1]) for turn in range(4)]
    seen = set()
    for seed in range(80):
        crop, _ = drawn(only(flips=True), of(image, image[..., 0]), 32, seed)
        found = [at for at, one in enumerate(eight) if np.array_equal(one, crop)]
        assert len(found) == 1
        seen.update(found)
    assert seen == set(range(8))


def test_crops_reach_every_corner_of_the_image():
    where = np.zeros((40, 50), np.uint8)
    corners = ((0, 0), (0, 49), (39, 0), (39, 49))
    for value, place in enumerate(corners, start=1):
        where[place] = value
    sample = of(np.zeros((40, 50, 3), np.uint8), where)

    seen = {int(v) for s in range(600) for v in np.unique(drawn(only(), sample, 32, s)[1])}
    assert seen == {0, 1, 2, 3, 4}


def test_a_crop_that_is_shrunk_much_skips_no_pixels():
    """A fine chequerboard becomes grey, not a pattern of its own."""
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    sample = of(np.repeat(board[..., None], 3, 2), board)
    for seed in range(40):
        crop, _ = drawn(only(scale=0.9), sample, 32, seed)
        if crop.std() < 20:
            return
    raise AssertionError("no crop was averaged")


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("brightness", F.adjust_brightness), ("contrast", F.adjust_contrast),
        ("saturation", F.adjust_saturation), ("hue", F.adjust_hue), ("gamma", F.adjust_gamma),
    ],
)  # fmt: skip
def test_tones_are_torchvision_s(name: str, theirs, monkeypatch: pytest.MonkeyPatch):
    image = coloured().image
    size = 0.25
    # the amount is chance's; here it is one that is known
    monkeypatch.setattr(tones, "either", lambda change, rng: size if change else 0.0)
    monkeypatch.setattr(tones, "factor", lambda change, rng: 1 + size if change else 1.0)
    ours = tones.changed(image, only(**{name: 0.4}), np.random.default_rng(0))
    amount = size if name == "hue" else 1 + size
    wanted = theirs(torch.from_numpy(image).permute(2, 0, 1), amount).permute(1, 2, 0).numpy()

    assert np.abs(ours.astype(int) - wanted).mean() < 1.5
    assert np.abs(ours.astype(int) - image).mean() > 5


def test_a_hole_is_a_square_of_the_mean_colour():
    image = coloured().image
    for seed in range(10):
        holed = flaws.changed(image, only(cutout=0.5), None, np.random.default_rng(seed))
        rows, columns = np.nonzero((holed != image).any(2))
        assert 0 < len(rows) <= 48 * 48
        assert (holed[rows, columns] == np.rint(image.mean((0, 1)))).all()
        assert np.ptp(rows) < 48 and np.ptp(columns) < 48


def test_another_scanner_s_pixels_are_seen_only_where_they_are_coarser():
    changes = only(coarser={"um": 4, "probability": 1})
    image = coloured().image
    plain, fine, coarse, unknown = (
        flaws.changed(image, changes, share, np.random.default_rng(0))
        for share in (1.0, 1.7, 0.25, None)
    )
    assert np.array_equal(plain, image)
    assert np.array_equal(fine, image)
    assert np.array_equal(unknown, image)
    small = cv2.resize(coarse, (24, 24), interpolation=cv2.INTER_AREA)
    again = cv2.resize(small, (96, 96), interpolation=cv2.INTER_LINEAR)
    assert np.abs(again.astype(int) - coarse).mean() < 4 < np.abs(coarse.astype(int) - image).mean()


class TestMixed:
    """CutMix and mosaic, of crops of one organ."""

    @staticmethod
    def crops(**changes: Any) -> Crops:
        """Each case of one grey level, which its coverage has too; two kidneys and a lung."""
        organs = (("kidney", 10, 1.0), ("kidney", 200, 3.0), ("lung", 90, 1.0), ("kidney", 60, 1.0))
        samples = [
            of(np.full((64, 64, 3), level, np.uint8), np.full((64, 64), level, np.uint8), organ,
               weight=weight)
            for organ, level, weight in organs
        ]  # fmt: skip
        recipe = Recipe(name="x", size=64, crop=64, batch_size=4, augmentation=only(**changes))
        return Crops(samples, recipe)

    @pytest.mark.parametrize(("name", "most"), [("cutmix", 2), ("mosaic", 4)])
    def test_image_mask_and_weight_come_from_the_same_cases(self, name: str, most: int):
        torch.manual_seed(0)
        crops = self.crops(**{name: 1.0})
        mixed = set()
        for index in range(len(crops)):
            pixels, coverage, weight = crops[index]
            assert torch.equal(pixels[:1], coverage)
            levels = set(coverage.unique().tolist())
            assert len(levels) <= most
            assert levels <= {10, 60, 200} or levels == {90}
            worth = torch.where(coverage == 200, 3.0, 1.0).mean()
            assert float(weight) == pytest.approx(float(worth), abs=1e-4)
            mixed.add(len(levels))
        assert max(mixed) > 1

    def test_without_them_a_crop_is_of_one_case(self):
        crops = self.crops()
        assert all(len(crops[index][1].unique()) == 1 for index in range(len(crops)))


def test_the_same_seed_draws_the_same_crop():
    everything = Augmentation.model_validate(MOVES | TONES | FLAWS | {"cutmix": 0.5})
    crops = Crops([marked(), marked()], Recipe(name="x", size=200, crop=64,
                                               augmentation=everything))  # fmt: skip
    first, second, other = [], [], []
    for seed, into in ((5, first), (5, second), (6, other)):
        torch.manual_seed(seed)
        into.extend(crops[0][:2])

    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])
