"""Touching units are parted as scikit-image's watershed parts them, pixel for pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import watershed as by_skimage

from trainer.data.watershed import split, watershed


def blobs(seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    height, width = (int(side) for side in chance.integers(3, 70, 2))
    ground = cv2.GaussianBlur(chance.random((height, width)), (0, 0), chance.uniform(0.5, 4))
    return (ground > np.quantile(ground, chance.uniform(0.2, 0.7))).astype(np.uint8)


def two_discs(apart: int, radii: tuple[int, int] = (30, 30)) -> np.ndarray:
    mask = np.zeros((100, 200), np.uint8)
    for centre, radius in zip((100 - apart // 2, 100 + (apart + 1) // 2), radii, strict=True):
        cv2.circle(mask, (centre, 50), radius, 1, -1)
    return mask


def units(mask: np.ndarray, connectivity: int = 4) -> int:
    return cv2.connectedComponents(mask, connectivity=connectivity)[0] - 1


def peer(mask: np.ndarray, markers: np.ndarray) -> np.ndarray:
    """`watershed(-distance, markers, mask=mask)`, ties in raster order."""
    distance = np.rint(ndimage.distance_transform_edt(mask) ** 2)
    ties = np.arange(mask.size).reshape(mask.shape) / mask.size
    return by_skimage(ties - distance, markers, mask=mask > 0)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize(("neck", "narrowest"), [(0.6, 0.3), (0.85, 0.0), (0.99, 0.0)])
def test_every_pixel_goes_where_scikit_image_puts_it(
    seed: int, neck: float, narrowest: float
) -> None:
    mask = blobs(seed)
    labels, markers = watershed(mask, neck, narrowest)
    assert np.array_equal(labels, peer(mask, markers))


def plain_markers(mask: np.ndarray, neck: float, narrowest: float) -> int:
    """Parts, counted by flooding height by height; no two heights of a unit's are skipped."""
    distance = np.rint(ndimage.distance_transform_edt(mask) ** 2).astype(int)
    numbers, count = ndimage.label(mask)
    found = 0
    for number in range(1, count + 1):
        inland = np.where(numbers == number, distance, 0)
        widest = inland.max()
        alive: list[tuple[int, tuple[int, int]]] = []
        for height in sorted(set(inland[inland > 0].tolist()), reverse=True):
            pieces, pieces_count = ndimage.label(inland >= height)
            for piece in range(1, pieces_count + 1):
                there = [one for one in alive if pieces[one[1]] == piece]
                if not there:
                    place = np.unravel_index(np.argmax(pieces == piece), pieces.shape)
                    alive.append((height, (int(place[0]), int(place[1]))))
                for summit, place in sorted(there)[:-1]:
                    alive.remove((summit, place))
                    low, high = np.sqrt(height), np.sqrt(summit)
                    found += low < neck * high and high >= narrowest * np.sqrt(widest)
        found += 1
    return found


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("neck", "narrowest"), [(0.45, 0.0), (0.6, 0.3), (0.7, 0.5)])
def test_as_many_parts_as_there_are_summits_beyond_a_neck(
    seed: int, neck: float, narrowest: float
) -> None:
    mask = cv2.resize(blobs(seed), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    _, markers = watershed(mask, neck, narrowest)
    assert len(np.unique(markers)) - 1 == plain_markers(mask, neck, narrowest)


def test_touching_discs_are_parted_at_corners_too() -> None:
    parted = split(two_discs(56), 0.6, 0.3)
    assert units(two_discs(56)) == 1
    assert units(parted, 4) == units(parted, 8) == 2
    lost = (two_discs(56) > parted).sum()
    assert 0 < lost < 30


def test_a_wide_neck_is_no_neck() -> None:
    mask = two_discs(30)
    assert np.array_equal(split(mask, 0.6, 0.3), mask)
    assert units(split(mask, 0.95, 0.3)) == 2


def test_a_spur_is_no_part_until_it_is_wide_enough() -> None:
    mask = two_discs(36, (30, 8))
    assert np.array_equal(split(mask, 0.8, 0.5), mask)
    assert units(split(mask, 0.8, 0.1)) == 2


@pytest.mark.parametrize("value", [0, 1])
def test_all_ground_and_no_ground_stay(value: int) -> None:
    mask = np.full((20, 30), value, np.uint8)
    assert np.array_equal(split(mask, 0.6, 0.3), mask)
