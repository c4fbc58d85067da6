"""Folds side by side: `pytest tests/benchmarks/test_side_by_side.py --benchmark-only`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

FOLDS, STEPS = 3, 16
PROGRAM = Path(__file__).with_name("steps.py")


def seconds(processes: int, threads: int, steps: int) -> float:
    """Until all processes have done so many steps, their beginnings not counted."""
    told = os.environ | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}
    running = [
        subprocess.Popen([sys.executable, str(PROGRAM), str(steps)], env=told, text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(processes)
    ]  # fmt: skip
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for one in running:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    assert [one.wait() for one in running] == [0] * processes
    return time.perf_counter() - began


@pytest.mark.benchmark(group="three folds on a CPU")
def test_folds_side_by_side_take_less_time_than_one_by_one(benchmark: Any) -> None:
    cores = os.cpu_count() or 1
    if cores < 2:
        pytest.skip("a single core has nothing to share")
    found: dict[str, list[float]] = {"one by one": [], "side by side": []}

    def turn() -> None:
        found["one by one"].append(seconds(1, cores, FOLDS * STEPS))
        found["side by side"].append(seconds(FOLDS, max(1, cores // FOLDS), STEPS))

    benchmark.pedantic(turn, rounds=3)
    median = {name: statistics.median(each) for name, each in found.items()}
    benchmark.extra_info |= median | {"ratio": median["one by one"] / median["side by side"]}
    assert median["side by side"] < median["one by one"], median
