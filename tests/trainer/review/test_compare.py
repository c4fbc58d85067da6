"""Before and after retraining: what got worse comes first, and chance is said."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.errors import ExportError
from trainer.review.compare import ALL, compare, write

SCORES = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(0, 1), max_size=12)


def shifted(changes: list[float], organ: str = "lung") -> tuple[dict, dict, dict]:
    ids = [f"{organ}{number}" for number in range(len(changes))]
    before = dict.fromkeys(ids, 0.5)
    after = {case_id: 0.5 + change for case_id, change in zip(ids, changes, strict=True)}
    return before, after, dict.fromkeys(ids, organ)


@settings(deadline=None)  # the first test loads scipy
@given(SCORES, SCORES)
def test_regressions_come_first_and_none_is_lost(
    first: dict[str, float], second: dict[str, float]
) -> None:
    organs = {case_id: case_id[0] for case_id in first.keys() | second.keys()}
    found = compare(first, second, organs)
    changes = [row.change for row in found.rows]
    assert changes == sorted(changes)
    both = {row.case_id: (row.before, row.after) for row in found.rows}
    assert both == {key: (first[key], second[key]) for key in first.keys() & second.keys()}
    assert set(found.left_out) == first.keys() ^ second.keys()
    assert all(one.better + one.worse + one.same == one.cases for one in found.organs)


def test_an_organ_s_row_says_how_many_and_how_much() -> None:
    (lung,) = compare(*shifted([0.1, 0.2, -0.05, 0.0, 0.0005])).organs
    assert (lung.better, lung.worse, lung.same) == (2, 1, 2)
    assert lung.mean_change == pytest.approx(0.0501)
    assert lung.low <= lung.mean_change <= lung.high


def test_the_test_is_wilcoxon_s() -> None:
    """Six changes of one sign: 2 of the 64 ways to sign the ranks are as extreme."""
    (lung,) = compare(*shifted([0.01, 0.02, 0.03, 0.04, 0.05, 0.06])).organs
    assert lung.p == pytest.approx(2 / 64)
    (worse,) = compare(*shifted([-0.01, -0.02, -0.03, -0.04, -0.05, -0.06])).organs
    assert worse.p == pytest.approx(2 / 64)


def test_cases_that_stay_take_the_lowest_ranks() -> None:
    """Pratt's way: the one loss, smallest of eight changes, has rank 21 after 20 idle cases."""
    changes = [-0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08]
    (lung,) = compare(*shifted([*changes, *[0.0] * 20])).organs
    spread = math.sqrt(sum(rank**2 for rank in range(21, 29))) / 2
    z = (sum(range(21, 29)) / 2 - 21) / spread
    assert lung.p == pytest.approx(math.erfc(z / math.sqrt(2)))


@pytest.mark.parametrize("count", [1, 9])
def test_no_change_is_no_evidence(count: int) -> None:
    (lung,) = compare(*shifted([0.0] * count)).organs
    assert (lung.p, lung.mean_change, lung.low, lung.high) == (1, 0, 0, 0)


def test_the_interval_is_about_as_wide_as_theory_says_and_always_the_same() -> None:
    changes = np.random.default_rng(0).normal(0.02, 0.05, 400).tolist()
    (lung,) = compare(*shifted(changes)).organs
    assert lung.high - lung.low == pytest.approx(2 * 1.96 * 0.05 / 20, rel=0.1)
    assert compare(*shifted(changes)).organs == (lung,)


def test_all_cases_have_a_row_where_there_are_several_organs() -> None:
    pairs = [shifted([0.1, 0.2], "lung"), shifted([-0.3], "kidney")]
    merged = [{**one, **other} for one, other in zip(*pairs, strict=True)]
    found = compare(*merged)
    assert [(one.organ, one.cases) for one in found.organs] == [
        ("kidney", 1),
        ("lung", 2),
        (ALL, 3),
    ]
    assert found.organs[-1].mean_change == pytest.approx(0)
    assert found.rows[0].organ == "kidney"
    assert "2 organs are 2 tests" in found.caveat
    assert "0.025" in found.caveat
    assert "fewer than 6 cases (kidney, lung)" in found.caveat


def test_the_caveat_of_many_cases_of_one_organ_is_short() -> None:
    caveat = compare(*shifted([0.1] * 30)).caveat
    assert "share a network" in caveat
    assert "fewer than" not in caveat
    assert "organs" not in caveat


def test_nothing_in_common_is_no_row() -> None:
    found = compare({"1": 0.5}, {"2": 0.5}, {"1": "lung", "2": "lung"})
    assert (found.rows, found.organs, found.left_out) == ((), (), ("1", "2"))


def test_the_csv_has_a_row_a_case(tmp_path: Path) -> None:
    found = compare(*shifted([0.125, -0.25]))
    write(tmp_path / "changes.csv", found)
    with (tmp_path / "changes.csv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.reader(file)]
    assert rows == [
        ["id", "organ", "before", "after", "change"],
        ["lung1", "lung", "0.5000", "0.2500", "-0.2500"],
        ["lung0", "lung", "0.5000", "0.6250", "0.1250"],
    ]
    with pytest.raises(ExportError, match="is a folder"):
        write(tmp_path, found)
