"""A slider's move: `pytest tests/benchmarks/test_thresholds.py --benchmark-only`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.data.case import ORGANS, Case, Mask, Prediction
from trainer.metrics import dice, iou
from trainer.predict.postprocess import to_mask
from trainer.review.histograms import Histograms, of
from trainer.review.thresholds import best_by_organ

CASES = 351
SIDE = 512
"""Of the peer's maps and truths: at an image's own 3000 they would be 6 GB."""


@pytest.fixture(scope="module")
def kept() -> list[tuple[Case, Prediction, Mask]]:
    """351 cases of five organs, blurred noise with a truth that nearly follows it."""
    chance = np.random.default_rng(0)
    found = []
    for number in range(CASES):
        coarse = chance.normal(128, 60, (16, 16)).clip(0, 255).astype(np.uint8)
        probability = np.kron(coarse, np.ones((SIDE // 16, SIDE // 16), np.uint8))
        truth = (probability > chance.integers(90, 170)).astype(np.uint8)
        case = Case(str(number), ORGANS[number % 5], Path(f"{number}.tiff"), "train", number + 2)
        spread = np.zeros_like(probability)
        found.append((case, Prediction(case.id, probability, spread, (SIDE, SIDE)), truth))
    return found


def summary(dices: NDArray[np.float64], organs: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Mean and median by organ, as the peer takes them."""
    names = np.array(organs)
    return {
        str(organ): (float(dices[names == organ].mean()), float(np.median(dices[names == organ])))
        for organ in np.unique(names)
    }


@pytest.mark.benchmark(group="slider moved: 351 cases")
def test_slider_beside_thresholding_anew(
    benchmark: Any, kept: list[tuple[Case, Prediction, Mask]]
) -> None:
    histograms = Histograms(of(*one) for one in kept)
    moves = iter(np.tile(np.linspace(0.1, 0.9, 81), 10_000))
    organs = tuple(case.organ for case, _, _ in kept)

    def move() -> dict[str, tuple[float, float]]:
        threshold_of = {"lung": float(next(moves))}
        dices, ious = histograms.dice(threshold_of, 0.5), histograms.iou(threshold_of, 0.5)
        averages = histograms.by_organ(dices)
        histograms.by_organ(ious)
        return {organ: (one.mean, one.median) for organ, one in averages.items()}

    def anew(threshold: float) -> dict[str, tuple[float, float]]:
        pairs = []
        for case, prediction, truth in kept:
            mask = to_mask(prediction, threshold if case.organ == "lung" else 0.5)
            pairs.append((dice(mask, truth), iou(mask, truth)))
        return summary(np.array(pairs)[:, 0], organs)

    benchmark(move)
    peer = min(timed(lambda: anew(0.4)) for _ in range(3))
    moves = iter([0.4])
    ours, theirs = move(), anew(0.4)
    assert ours.keys() == theirs.keys()
    assert [*ours.values()] == [pytest.approx(theirs[organ]) for organ in ours]
    slowest = float(np.percentile(benchmark.stats.stats.data, 99))
    benchmark.extra_info["p99_ms"] = round(1000 * slowest, 2)
    benchmark.extra_info["peer_ms"] = round(1000 * peer, 1)
    benchmark.extra_info["times_faster"] = round(peer / benchmark.stats.stats.median)


@pytest.mark.benchmark(group="best per organ: 351 cases")
def test_best_per_organ(benchmark: Any, kept: list[tuple[Case, Prediction, Mask]]) -> None:
    each = [of(*one) for one in kept]
    benchmark(lambda: best_by_organ(Histograms(each)))


@pytest.mark.benchmark(group="counting a 3000×3000 case")
@pytest.mark.parametrize("size", [512, 1024])
def test_counting_a_large_case(benchmark: Any, size: int) -> None:
    probability = np.random.default_rng(0).integers(0, 256, (size, size)).astype(np.uint8)
    truth = np.tri(3000, dtype=np.uint8)
    case = Case("1", "kidney", Path("1.tiff"), "train", 2)
    made = Prediction("1", probability, probability, (3000, 3000))
    peer = min(timed(lambda: dice(to_mask(made, 0.5), truth)) for _ in range(5))
    benchmark(lambda: of(case, made, truth))
    benchmark.extra_info["times_one_threshold"] = round(benchmark.stats.stats.median / peer, 2)


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
