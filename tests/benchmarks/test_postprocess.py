"""Post-processing beside scikit-image: `pytest tests/benchmarks/test_postprocess.py`.

Add `--benchmark-only`. Peers run in the same run on the same mask; times are processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.morphology import reconstruction, remove_small_objects
from skimage.segmentation import watershed as by_skimage

from trainer.data.case import Mask, Prediction
from trainer.data.shaping import without_faint, without_holes, without_small
from trainer.data.watershed import split, watershed
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.settings import PostProcessing

SIDE = 3000
LEAST = 500
MEAN = 212.5
TIMES_FASTER = 5.0


@pytest.fixture(scope="module")
def mask() -> Mask:
    """About 140 units, one in six touching another, with holes, specks and ragged outlines."""
    chance = np.random.default_rng(0)
    found = np.zeros((SIDE, SIDE), np.uint8)
    for row, column in np.ndindex(12, 12):
        y, x = (125 + 250 * place + int(chance.integers(-60, 60)) for place in (row, column))
        axes = int(chance.integers(60, 120)), int(chance.integers(60, 120))
        cv2.ellipse(found, (x, y), axes, float(chance.uniform(0, 180)), 0, 360, 1, -1)
    grain = cv2.resize(
        chance.normal(0, 0.25, (200, 200)).astype(np.float32),
        (SIDE, SIDE),
        interpolation=cv2.INTER_CUBIC,
    )
    soft = np.asarray(cv2.GaussianBlur(found.astype(np.float32), (0, 0), 4))
    return (soft + grain > 0.5).astype(np.uint8)


def labels_of_skimage(mask: Mask, markers: np.ndarray) -> np.ndarray:
    """The usual watershed of distances; where they tie, pixels follow in raster order.

    It is given the markers that it would have to find otherwise.
    """
    distance = np.rint(ndimage.distance_transform_edt(mask) ** 2)
    ties = np.arange(mask.size).reshape(mask.shape) / mask.size
    return by_skimage(ties - distance, markers, mask=mask > 0)


def filled_by_skimage(mask: Mask) -> np.ndarray:
    framed = np.pad(mask, 1)
    seed = framed.copy()
    seed[1:-1, 1:-1] = 1
    return reconstruction(seed, framed, method="erosion")[1:-1, 1:-1]


def processor_seconds(work: Callable[[], object], rounds: int) -> float:
    times: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def compare(benchmark: Any, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    benchmark.pedantic(ours, rounds=5, warmup_rounds=1)
    spent, others = processor_seconds(ours, 5), processor_seconds(theirs, 2)
    benchmark.extra_info["processor ms"] = round(1000 * spent, 1)
    benchmark.extra_info["peer's ms"] = round(1000 * others, 1)
    benchmark.extra_info["times faster than scikit-image"] = round(others / spent, 1)
    assert others >= TIMES_FASTER * spent


@pytest.mark.benchmark(group="post-processing at 3000×3000")
def test_watershed(benchmark: Any, mask: Mask) -> None:
    labels, markers = watershed(mask, 0.6, 0.3)
    assert np.array_equal(labels, labels_of_skimage(mask, markers))
    compare(benchmark, lambda: split(mask, 0.6, 0.3), lambda: labels_of_skimage(mask, markers))


@pytest.mark.benchmark(group="post-processing at 3000×3000")
def test_holes(benchmark: Any, mask: Mask) -> None:
    assert np.array_equal(without_holes(mask), filled_by_skimage(mask))
    compare(benchmark, lambda: without_holes(mask), lambda: filled_by_skimage(mask))


@pytest.mark.benchmark(group="post-processing at 3000×3000")
def test_smallest_area(benchmark: Any, mask: Mask) -> None:
    def theirs() -> np.ndarray:
        return remove_small_objects(mask > 0, max_size=LEAST - 1, connectivity=1)

    assert np.array_equal(without_small(mask, LEAST), theirs())
    compare(benchmark, lambda: without_small(mask, LEAST), theirs)


@pytest.mark.benchmark(group="post-processing at 3000×3000")
def test_least_mean_probability(benchmark: Any, mask: Mask) -> None:
    levels = np.random.default_rng(1).integers(128, 256, mask.shape, np.uint8)
    levels[:, ::3] = 255

    def theirs() -> np.ndarray:
        labels = label(mask, connectivity=1)
        strong = [one.label for one in regionprops(labels, levels) if one.intensity_mean >= MEAN]
        return np.isin(labels, strong)

    assert 0 < theirs().sum() < mask.sum()
    assert np.array_equal(without_faint(mask, levels, MEAN), theirs())
    compare(benchmark, lambda: without_faint(mask, levels, MEAN), theirs)


@pytest.mark.benchmark(group="post-processing at 3000×3000")
def test_every_step_from_the_network_s_size(benchmark: Any, mask: Mask) -> None:
    small = np.asarray(cv2.resize(mask * 255, (768, 768), interpolation=cv2.INTER_AREA))
    levels = np.asarray(cv2.GaussianBlur(small, (0, 0), 2), np.uint8)
    prediction = Prediction("1", levels, levels, (SIDE, SIDE))
    steps = PostProcessing.model_validate(
        {"low": 0.4, "closing": 3, "opening": 3, "fill_holes": True, "split": True,
         "erode": 1, "min_probability": 0.6, "min_area": LEAST}
    )  # fmt: skip
    point = OperatingPoint(0.5, steps, LEAST)
    benchmark.pedantic(lambda: to_mask(prediction, point), rounds=3, warmup_rounds=1)
