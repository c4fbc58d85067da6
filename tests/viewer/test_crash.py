"""A reviewer's process is killed at random moments: nothing that was drawn is lost.

`HUBMAP_ROUNDS=200 pytest tests/viewer/test_crash.py` is the long run; the suite's is shorter.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cohorts import Drawn, write_cohort
from hubmap_viewer.past import ends_as
from hubmap_viewer.recovery import lost_cases
from trainer.data.store import FILE, JOURNALS, Journal, Store
from trainer.data.store.packing import digest

ROUNDS = int(os.environ.get("HUBMAP_ROUNDS", "12"))

CASES = tuple(
    Drawn(str(number), "kidney", (90, 120), discs=((40, 50, 20),)) for number in range(1, 5)
)


class Reviewers:
    """Starts one reviewer after the other, kills each, and hears what it had drawn."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("restless.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def one(self, seed: int, seconds: float) -> list[dict[str, Any]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seed} {seconds}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "cohort"
    write_cohort(folder, CASES)
    return folder


@pytest.fixture
def reviewers(folder: Path) -> Iterator[Reviewers]:
    reviewers = Reviewers(folder)
    yield reviewers
    reviewers.close()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_stroke_outlives_the_process(folder: Path, reviewers: Reviewers) -> None:
    chance = random.Random(7)
    drawn = written = 0
    for number in range(ROUNDS):
        heard = reviewers.one(number, chance.uniform(0.5, 2.5))
        drawn += len(heard)
        written += sum(stroke["written"] for stroke in heard)
        there = states_on_disk(folder)
        for case_id, allowed in pledged(heard).items():
            assert there[case_id] in allowed, f"round {number}, case {case_id}"
        assert_sound(folder)
    assert drawn > 5 * ROUNDS
    assert written > drawn / 10


def pledged(heard: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The states that each case may be in: the last one that was on disk, and any after it."""
    latest: dict[str, str] = {}
    allowed: dict[str, set[str]] = {}
    for stroke in heard:
        latest[stroke["case"]] = stroke["mask"]
        if stroke["written"]:
            allowed = {case_id: {mask} for case_id, mask in latest.items()}
        elif stroke["case"] in allowed:
            allowed[stroke["case"]].add(stroke["mask"])
    return allowed


def states_on_disk(folder: Path) -> dict[str, str]:
    """What a new window would offer of each case: its lost strokes, else its revision."""
    store, journal = Store.for_cohort(folder), Journal(folder)
    states = {id: digest(store.mask(one)) for id, one in store.latest_all().items()}
    for case_id in lost_cases(journal, store):
        story = journal.read(case_id)
        assert story is not None
        states[case_id] = digest(ends_as(store, story))
    for case in CASES:
        states.setdefault(case.id, digest(np.asarray(case.mask)))
    store.close()
    return states


def assert_sound(folder: Path) -> None:
    """The database is whole, and nothing lies about."""
    with sqlite3.connect(folder / FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    known = {"train.csv", "test.csv", "train_images", "test_images", JOURNALS, FILE}
    known |= {f"{FILE}-wal", f"{FILE}-shm", "reviews.lock", "reviews.holder"}
    assert {path.name for path in folder.iterdir()} <= known
    assert all(path.suffix == ".journal" for path in (folder / JOURNALS).iterdir())
