"""Crops of 3000×3000 images: `pytest tests/benchmarks/test_feeding.py --benchmark-only`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from cohorts import Drawn, write_cohort
from trainer.data.cohort import Cohort
from trainer.settings import Recipe
from trainer.train.dataset import Crops, Sample, load
from trainer.train.labels import Labels

SIDE, CASES = 3000, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feeding") / "cohort"
    discs = ((700, 700, 400), (2000, 1800, 600))
    write_cohort(folder, [Drawn(f"{n}", "kidney", (SIDE, SIDE), discs=discs) for n in range(CASES)])
    return folder


@pytest.mark.parametrize("told", [{"size": 512, "crop": 256}, {"size": 768, "crop": None}])
def test_crops_are_fed(benchmark: Any, folder: Path, tmp_path: Path, told: dict[str, Any]) -> None:
    """Against a loader that reads each image and mask anew, resizes them, and crops likewise."""
    cohort = Cohort.open(folder)
    recipe = Recipe(name="feeding", **told)
    items = load(Labels.gather(cohort, None), recipe, tmp_path)
    samples = [item for item in items if isinstance(item, Sample)]
    crops = Crops(samples, recipe)

    def ours() -> None:
        for place in range(CASES):
            torch.utils.data.default_collate([crops[place]])

    def theirs() -> None:
        for sample in samples:
            image, mask = cohort.image(sample.case.id), cohort.truth(sample.case.id)
            assert mask is not None
            size = sample.coverage.shape[::-1]
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            inside = cv2.resize(mask * 255, size, interpolation=cv2.INTER_AREA)
            read = Sample(
                sample.case, "", np.asarray(small, np.uint8), np.asarray(inside, np.uint8)
            )
            torch.utils.data.default_collate([Crops([read], recipe)[0]])

    benchmark.pedantic(ours, rounds=10, warmup_rounds=1)
    ratio = _best(theirs) / benchmark.stats.stats.min
    benchmark.extra_info["usual loader / ours"] = ratio
    benchmark.extra_info["ms a crop"] = 1000 * benchmark.stats.stats.min / CASES
    assert ratio >= 5


def _best(work: Callable[[], None]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
