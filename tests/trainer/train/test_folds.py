from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.data.case import Case
from trainer.errors import SettingsError
from trainer.train.folds import split

organs = st.lists(st.sampled_from(["kidney", "lung", "spleen", "tongue"]), min_size=2, max_size=60)


def cases_of(organs: list[str]) -> list[Case]:
    return [Case(str(i), organ, Path(), "train", i + 2) for i, organ in enumerate(organs)]


@given(organs, st.integers(2, 7), st.integers(0, 3))
def test_every_organ_and_the_whole_are_spread_evenly(organs: list[str], k: int, seed: int):
    cases = cases_of(organs)
    if len(cases) < k:
        cases = cases_of(organs * k)
    folds = split(cases, k, seed)

    assert list(folds) == [case.id for case in cases]
    for organ in (*set(organs), None):
        counts = Counter(folds[c.id] for c in cases if organ in (None, c.organ))
        sizes = [counts[fold] for fold in range(k)]
        assert max(sizes) - min(sizes) <= 1
        assert sum(sizes) == sum(counts.values())


@given(organs, st.randoms())
def test_folds_depend_on_the_cases_and_not_on_their_order(organs: list[str], chance):
    cases = cases_of(organs)
    shuffled = chance.sample(cases, len(cases))

    assert split(cases, 2, seed=1) == split(shuffled, 2, seed=1)


def test_another_seed_deals_anew():
    cases = cases_of(["lung"] * 30)

    assert split(cases, 3, seed=0) != split(cases, 3, seed=1)


def test_fewer_cases_than_folds_are_refused_with_a_remedy():
    with pytest.raises(SettingsError, match=r"3 folds need .* there are 2; lower `folds`"):
        split(cases_of(["lung", "lung"]), 3, seed=0)


grouped = st.lists(
    st.tuples(st.sampled_from(["kidney", "lung"]), st.sampled_from(["", "", "", "a", "b", "c"])),
    min_size=12,
    max_size=60,
)


@given(grouped, st.integers(2, 4), st.integers(0, 3))
def test_cases_of_a_group_stay_together_and_organs_are_spread_as_evenly_as_that_allows(
    drawn: list[tuple[str, str]], k: int, seed: int
):
    cases = cases_of([organ for organ, _ in drawn])
    group_of = {
        case.id: f"{case.organ} {group}"
        for case, (_, group) in zip(cases, drawn, strict=True)
        if group
    }
    blocks = len(cases) - len(group_of) + len(set(group_of.values()))
    if blocks < k:
        return
    folds = split(cases, k, seed, group_of)

    assert list(folds) == [case.id for case in cases]
    assert set(folds.values()) == set(range(k))
    for group in set(group_of.values()):
        assert len({folds[case_id] for case_id, one in group_of.items() if one == group}) == 1
    for organ in {case.organ for case in cases}:
        counts = Counter(folds[case.id] for case in cases if case.organ == organ)
        sizes = [counts[fold] for fold in range(k)]
        largest = Counter(one for one in group_of.values() if one.startswith(organ))
        assert max(sizes) - min(sizes) <= max([1, *largest.values()])


def test_groups_of_other_cases_change_nothing():
    cases = cases_of(["lung", "kidney", "lung"] * 5)

    assert split(cases, 3, 0, {"gone": "1", "too": "1"}) == split(cases, 3, 0)


def test_images_that_look_alike_count_once():
    with pytest.raises(SettingsError, match=r"there are 2 \(3, but images that look alike"):
        split(cases_of(["lung"] * 3), 3, seed=0, group_of={"0": "1", "2": "1"})
