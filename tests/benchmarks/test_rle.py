"""Run lengths beside the competition's usual snippet and pycocotools, at 3000×3000.

`pytest tests/benchmarks/test_rle.py --benchmark-only`; peers run in the same run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from trainer.data import rle
from trainer.data.case import Mask

SIDE = 3000
ROUNDS = 15


@pytest.fixture(scope="module")
def mask() -> Mask:
    """Forty discs."""
    chance = np.random.default_rng(0)
    found = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(40):
        row, column = chance.integers(100, SIDE - 100, 2).tolist()
        cv2.circle(found, (column, row), int(chance.integers(60, 160)), 1, -1)
    return found


def snippet_encode(mask: Mask) -> str:
    """As most notebooks of the competition have it."""
    pixels = mask.T.flatten()
    pixels = np.concatenate([[0], pixels, [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(x) for x in runs)


def snippet_decode(text: str, shape: tuple[int, int]) -> np.ndarray:
    """The same; what it gives lies column by column in memory, which ours does not."""
    words = text.split()
    starts, lengths = (np.asarray(part, dtype=int) for part in (words[::2], words[1::2]))
    starts = starts - 1
    pixels = np.zeros(shape[0] * shape[1], dtype=np.uint8)
    for low, high in zip(starts, starts + lengths, strict=True):
        pixels[low:high] = 1
    return pixels.reshape(shape[::-1]).T


def milliseconds(*each: Callable[[], object]) -> list[float]:
    """Medians, taken turn by turn so that the machine's mood is the same for all."""
    times: list[list[float]] = [[] for _ in each]
    for _ in range(ROUNDS):
        for work, spent in zip(each, times, strict=True):
            began = time.perf_counter()
            work()
            spent.append(1000 * (time.perf_counter() - began))
    return [statistics.median(spent) for spent in times]


@pytest.mark.benchmark(group="run lengths at 3000×3000")
def test_encoding_beside_the_snippet(benchmark: Any, mask: Mask) -> None:
    assert rle.encode(mask) == snippet_encode(mask)
    benchmark.pedantic(rle.encode, (mask,), rounds=ROUNDS, warmup_rounds=1)
    ours, theirs = milliseconds(lambda: rle.encode(mask), lambda: snippet_encode(mask))
    told(benchmark, ours, theirs, "snippet")
    assert theirs >= 4 * ours


@pytest.mark.benchmark(group="run lengths at 3000×3000")
def test_decoding_beside_the_snippet(benchmark: Any, mask: Mask) -> None:
    text = rle.encode(mask)
    assert np.array_equal(snippet_decode(text, mask.shape), mask)
    assert np.array_equal(rle.decode(text, mask.shape), mask)
    benchmark.pedantic(rle.decode, (text, mask.shape), rounds=ROUNDS, warmup_rounds=1)
    ours, theirs = milliseconds(
        lambda: rle.decode(text, mask.shape), lambda: snippet_decode(text, mask.shape)
    )
    told(benchmark, ours, theirs, "snippet")
    assert theirs >= ours


@pytest.mark.benchmark(group="run lengths at 3000×3000")
def test_both_beside_pycocotools(benchmark: Any, mask: Mask) -> None:
    """Counted with the copies that it needs: it takes and gives columns, images are rows."""
    coco = pytest.importorskip("pycocotools.mask")
    text, compressed = rle.encode(mask), coco.encode(np.asfortranarray(mask))
    assert np.array_equal(coco.decode(compressed), rle.decode(text, mask.shape))
    benchmark.pedantic(rle.encode, (mask,), rounds=ROUNDS, warmup_rounds=1)
    ours, theirs, ours_back, theirs_back = milliseconds(
        lambda: rle.encode(mask),
        lambda: coco.encode(np.asfortranarray(mask)),
        lambda: rle.decode(text, mask.shape),
        lambda: np.ascontiguousarray(coco.decode(compressed)),
    )
    told(benchmark, ours, theirs, "pycocotools")
    told(benchmark, ours_back, theirs_back, "pycocotools, decoding")
    assert theirs > ours
    assert theirs_back > ours_back


def told(benchmark: Any, ours: float, theirs: float, peer: str) -> None:
    benchmark.extra_info[f"{peer}: ours ms"] = round(ours, 2)
    benchmark.extra_info[f"{peer}: its ms"] = round(theirs, 2)
    benchmark.extra_info[f"{peer}: times faster"] = round(theirs / ours, 2)
