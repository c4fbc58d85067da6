from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.settings import Augmentation
from trainer.train.augment import Augment

STILL = Augmentation(flips=False, rotate=0, scale=0, brightness=0, contrast=0, saturation=0, hue=0)
MOVED = STILL.model_copy(update={"flips": True, "rotate": 30.0, "scale": 0.4})


def a_disc(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.ogrid[:height, :width]
    coverage = np.where((rows - height / 2) ** 2 + (columns - width / 3) ** 2 < 40**2, 255, 0)
    coverage = coverage.astype(np.uint8)
    return np.repeat(coverage[..., None], 3, axis=2), coverage


@pytest.mark.parametrize("shape", [(300, 200), (64, 64), (96, 97), (20, 500), (3, 3)])
@pytest.mark.parametrize("strength", [STILL, MOVED, Augmentation()])
def test_a_crop_has_its_size_whatever_the_image(shape, strength):
    pixels, coverage = Augment(strength, 96)(*a_disc(*shape))

    assert pixels.shape == (3, 96, 96)
    assert coverage.shape == (1, 96, 96)
    assert pixels.dtype == coverage.dtype == torch.uint8


def test_image_and_mask_move_together():
    torch.manual_seed(0)
    augment = Augment(MOVED, 128)
    for _ in range(20):
        pixels, coverage = augment(*a_disc(200, 160))
        differs = (pixels[0].float() - coverage[0].float()).abs() > 200
        # only the disc's rim may differ: the mask is not interpolated
        assert differs.float().mean() < 0.002


def test_with_all_switched_off_a_crop_is_a_part_of_the_image():
    image = np.arange(40 * 50 * 3).reshape(40, 50, 3).astype(np.uint8)
    pixels, _ = Augment(STILL, 32)(image, image[..., 0])

    crop = pixels.permute(1, 2, 0).numpy()
    corners = [
        (top, left)
        for top in range(9)
        for left in range(19)
        if np.array_equal(image[top : top + 32, left : left + 32], crop)
    ]
    assert len(corners) >= 1


def test_crops_reach_every_corner_of_the_image():
    image = np.zeros((40, 50, 3), np.uint8)
    where = np.zeros((40, 50), np.uint8)
    for row, column in ((0, 0), (0, 49), (39, 0), (39, 49)):
        where[row, column] = 255
    augment = Augment(STILL, 32)
    torch.manual_seed(0)

    seen = sum(int(augment(image, where)[1].any()) for _ in range(600))
    assert seen > 0


def test_colours_change_the_image_and_never_the_mask():
    strong = STILL.model_copy(update={"brightness": 0.5, "hue": 0.3})
    image = np.full((64, 64, 3), (200, 100, 150), np.uint8)
    coverage = np.full((64, 64), 255, np.uint8)
    pixels, inside = Augment(strong, 64)(image, coverage)

    assert not torch.equal(pixels, torch.from_numpy(image).permute(2, 0, 1))
    assert bool((inside == 255).all())


def test_the_same_seed_draws_the_same_crop():
    augment = Augment(Augmentation(), 64)
    drawn = []
    for _ in range(2):
        torch.manual_seed(5)
        drawn.append(augment(*a_disc(200, 160))[0])

    assert torch.equal(*drawn)
