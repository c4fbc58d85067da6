from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.store import Start, Store

MASK = np.eye(30, dtype=np.uint8)


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["history", *(str(word) for word in words)])


def test_each_revision_says_how_it_was_made(cohort_folder: Path):
    store = Store.for_cohort(cohort_folder)
    start = Start("ours", "a1b2", 0.45, confidence=0.93)
    first = store.add(
        "11", MASK, tool="pick", parameters={"level": 0.4}, started_from=start, seconds=12,
        origin="edited prediction", author="ada",
    )  # fmt: skip
    store.add("11", MASK * 0, tool="clear", status="rejected", reason="out of focus", note="[b]")
    store.close()

    done = call(cohort_folder, "11", "--json")
    assert done.exit_code == 0, done.output
    told, rejected = json.loads(done.stdout)["revisions"]
    assert (told["id"], told["author"], told["tool"]) == (first.id, "ada", "pick")
    assert told["parameters"] == {"level": 0.4}
    assert told["started_from"] == {
        "name": "ours", "fingerprint": "a1b2", "threshold": 0.45, "confidence": 0.93,
    }  # fmt: skip
    assert (told["origin"], told["seconds"], told["pixels"]) == ("edited prediction", 12, 30)
    assert told["version"] == first.version
    assert (rejected["status"], rejected["reason"]) == ("rejected", "out of focus")
    assert (rejected["parent_id"], rejected["pixels"]) == (first.id, 30)

    shown = call(cohort_folder, "11").stdout
    for word in ("pick", "level 0.4", "30 px, 12 s", "rejected:", "[b]"):
        assert word in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_history_tells_each_revision(cohort_folder: Path, curated: np.ndarray):
    done = call(cohort_folder, "11", "--json")
    (revision,) = json.loads(done.stdout)["revisions"]

    assert done.exit_code == 0
    assert (revision["status"], revision["tool"], revision["note"]) == (
        "accepted",
        "brush",
        "redrawn",
    )
    assert "redrawn" in call(cohort_folder, "11").stdout


def test_asking_for_what_is_not_curated_makes_no_database(cohort_folder: Path):
    done = call(cohort_folder, "11", "--json")

    assert done.exit_code == 0
    assert json.loads(done.stdout)["revisions"] == []
    assert not (cohort_folder / "reviews.sqlite").exists()
