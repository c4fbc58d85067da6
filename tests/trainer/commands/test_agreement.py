from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.store import FILE, Store

MASK = np.zeros((20, 20), np.uint8)
MASK[:10] = 1


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["agreement", *(str(word) for word in words)])


@pytest.fixture
def looked(cohort_folder: Path) -> Path:
    """Kidney 11 drawn anew by its reviewer, half of it; lung 21 by another, the same."""
    store = Store.for_cohort(cohort_folder)
    half = MASK.copy()
    half[5:] = 0
    for case_id, mask, author in (("11", half, "ada"), ("21", MASK, "bo")):
        revision = store.add(case_id, MASK, tool="paint", status="accepted", author="ada")
        store.looks.add(mask, revision, seconds=30, author=author)
    store.close()
    return cohort_folder


def test_dice_by_organ(looked: Path):
    done = call(looked, "--json")
    assert done.exit_code == 0, done.output
    kidney, lung, every = json.loads(done.stdout)["organs"]
    third = pytest.approx(2 / 3)
    assert kidney["intra"] == {"n": 1, "mean": third, "median": third}
    assert kidney["inter"] is None
    assert lung["inter"] == {"n": 1, "mean": 1.0, "median": 1.0}
    assert (every["organ"], every["n"]) == ("all", 2)


def test_the_table_and_the_csv(looked: Path, tmp_path: Path):
    path = tmp_path / "looks.csv"
    done = call(looked, "--csv", path)
    assert done.exit_code == 0, done.output
    assert "0.667" in done.stdout
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case_id"], row["kind"]) for row in rows] == [("11", "intra"), ("21", "inter")]


def test_a_damaged_mask_is_told_and_the_rest_is_shown(looked: Path):
    with sqlite3.connect(looked / FILE) as connection:
        connection.execute(
            "UPDATE masks SET runs = zeroblob(9) WHERE digest = (SELECT digest FROM looks LIMIT 1)"
        )
    connection.close()
    done = call(looked, "--json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert [row["organ"] for row in document["organs"]] == ["lung", "all"]
    assert "case 11" in document["problems"][0]


def test_a_cohort_without_reviews_gets_none_by_asking(cohort_folder: Path):
    done = call(cohort_folder)
    assert done.exit_code == 0
    assert "No case has a second look yet." in done.stdout
    assert not (cohort_folder / FILE).exists()
