from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.store import FILE, Spot, Store


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["causes", *(str(word) for word in words)])


@pytest.fixture
def tagged(cohort_folder: Path) -> Path:
    """Two tags of kidney, one of lung, one withdrawn, one of a case that is gone."""
    store = Store.for_cohort(cohort_folder)
    store.tags.add("11", "stain", note="pale")
    store.tags.add("12", "stain")
    store.tags.add("21", "merged", finding=Spot(("truth", "curated"), "merged", (1, 2, 3, 4)))
    store.tags.withdraw(store.tags.add("21", "other").id)
    store.tags.add("99", "border")
    store.close()
    return cohort_folder


def test_counts_by_organ_and_cause(tagged: Path):
    done = call(tagged, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["counts"] == [
        {"organ": "kidney", "cause": "stain", "tags": 2, "cases": 2},
        {"organ": "lung", "cause": "merged", "tags": 1, "cases": 1},
    ]
    assert [tag["case_id"] for tag in document["tags"]] == ["11", "12", "21", "99"]
    assert document["tags"][2]["finding"]["box"] == [1, 2, 3, 4]
    assert "1 tags are of cases that the cohort no longer has" in done.stderr


def test_the_table_and_the_csv(tagged: Path, tmp_path: Path):
    path = tmp_path / "causes.csv"
    done = call(tagged, "--csv", path)
    assert done.exit_code == 0, done.output
    assert "stain" in done.stdout
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["cause"]) for row in rows] == [
        ("11", "stain"), ("12", "stain"), ("21", "merged"), ("99", "border"),
    ]  # fmt: skip


def test_a_cohort_without_reviews_gets_none_by_asking(cohort_folder: Path):
    done = call(cohort_folder)
    assert done.exit_code == 0
    assert "No failure has a cause yet." in done.stdout
    assert not (cohort_folder / FILE).exists()


def test_the_cohort_s_own_files_are_spared(tagged: Path):
    before = (tagged / "train.csv").read_bytes()
    done = call(tagged, "--csv", tagged / "train.csv")
    assert done.exit_code == 1
    assert "belongs to the cohort" in done.stderr
    assert (tagged / "train.csv").read_bytes() == before
