from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

from trainer.data.store import Cause, Spot, Tag
from trainer.review.causes import Count, counts, write

ORGANS = {"1": "lung", "2": "lung", "3": "kidney"}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def tag(case_id: str, cause: Cause, note: str = "", finding: Spot | None = None) -> Tag:
    return Tag(1, case_id, cause, note, "ada", NOW, finding)


def test_tags_and_cases_by_organ_and_cause():
    tags = [
        tag("1", "merged"), tag("1", "merged"), tag("2", "merged"), tag("2", "stain"),
        tag("3", "other"), tag("99", "other"),
    ]  # fmt: skip
    assert counts(tags, ORGANS) == [
        Count("kidney", "other", 1, 1),
        Count("lung", "stain", 1, 1),
        Count("lung", "merged", 3, 2),
    ]


def test_no_tag_no_row():
    assert counts([], ORGANS) == []


def test_the_csv_has_a_row_a_tag(tmp_path: Path):
    spot = Spot(("truth", "prediction"), "missed", (1, 2, 3, 4))
    path = tmp_path / "causes.csv"
    write(path, [tag("1", "stain", 'pale, "very"', spot), tag("99", "other")], ORGANS)
    with path.open(encoding="utf-8", newline="") as file:
        finding, case = csv.DictReader(file)
    assert finding == {
        "case": "1", "organ": "lung", "cause": "stain", "note": 'pale, "very"', "author": "ada",
        "created": "2026-01-02T03:04:05+00:00", "first": "truth", "second": "prediction",
        "kind": "missed", "row0": "1", "col0": "2", "row1": "3", "col1": "4",
    }  # fmt: skip
    assert (case["organ"], case["first"], case["row0"]) == ("", "", "")
