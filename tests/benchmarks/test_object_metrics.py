"""Object measures: `pytest tests/benchmarks/test_object_metrics.py --benchmark-only`."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np
import pytest

from trainer.object_metrics import object_scores


@pytest.mark.benchmark(group="object measures of a contest image")
def test_a_contest_image_takes_no_more_than_a_moment(benchmark: Any) -> None:
    chance = np.random.default_rng(0)
    truth, found = np.zeros((2, 522, 775), np.uint8)
    for row, column in np.ndindex(6, 9):
        at = (40 + 82 * column, 42 + 82 * row)
        cv2.circle(truth, at, int(chance.integers(15, 36)), 1, -1)
        cv2.circle(found, (at[0] + 6, at[1] - 4), int(chance.integers(10, 36)), 1, -1)
    found[::23, ::23] = 1
    began = time.process_time()
    object_scores(found, truth)
    assert time.process_time() - began < 1.5
    benchmark.pedantic(object_scores, (found, truth), rounds=5)
