from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.edits import Edit
from trainer.data.store import Journal, Store, Stroke

MASK = np.eye(30, dtype=np.uint8)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["stats", *(str(word) for word in words)])


@pytest.fixture
def worked(cohort_folder: Path) -> Path:
    """Kidney 11 by ada and bo, lung 21 by ada; 99 is a case that is gone."""
    store, journal = Store.for_cohort(cohort_folder), Journal(cohort_folder)
    for case_id, author, seconds in (
        ("11", "ada", 30), ("11", "ada", 60), ("11", "bo", 15), ("21", "ada", 45), ("99", "cy", 9),
    ):  # fmt: skip
        store.add(case_id, MASK, tool="paint", author=author, seconds=seconds)
    edit = Edit.between(np.zeros_like(MASK), MASK, "snap")
    journal.begin("11", MASK, revision_id=None)
    journal.begin("21", MASK, revision_id=None)
    for case_id, kind, author in (
        ("11", "edit", "ada"), ("11", "undo", "ada"), ("11", "redo", "ada"), ("11", "undo", "ada"),
        ("11", "edit", "bo"), ("21", "edit", "ada"),
    ):  # fmt: skip
        made = edit if kind == "edit" else None
        journal.append(case_id, Stroke(kind, made, 1, NOON, author))  # type: ignore[arg-type]
    store.close()
    return cohort_folder


def test_by_organ_and_reviewer(worked: Path):
    done = call(worked, "--json")
    assert done.exit_code == 0, done.output
    rows = {(row["organ"], row["reviewer"]): row for row in json.loads(done.stdout)["efforts"]}
    assert list(rows) == [
        ("kidney", "ada"), ("kidney", "bo"), ("lung", "ada"),
        ("all", "ada"), ("all", "bo"), ("all", "all"),
    ]  # fmt: skip
    figures = {key: (row["cases"], row["revisions"], row["minutes"]) for key, row in rows.items()}
    assert figures["kidney", "ada"] == (1, 2, 1.5)
    assert figures["kidney", "bo"] == (1, 1, 0.25)
    assert figures["all", "ada"] == (2, 3, 2.25)
    assert figures["all", "all"] == (2, 4, 2.5)
    assert rows["kidney", "ada"]["actions"] == {"undo": 2, "snap": 1, "redo": 1}
    assert rows["all", "all"]["actions"] == {"snap": 3, "undo": 2, "redo": 1}


def test_the_table(worked: Path):
    done = call(worked)
    assert done.exit_code == 0
    assert "undo 2, snap 1" in " ".join(done.stdout.split())


def test_a_cohort_without_reviews_gets_none_by_asking(cohort_folder: Path):
    done = call(cohort_folder)
    assert done.exit_code == 0
    assert "Nobody has reviewed a case yet." in done.stdout
    assert not (cohort_folder / "reviews.sqlite").exists()
    assert not (cohort_folder / "journals").exists()
