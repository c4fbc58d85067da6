from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.data.case import Case
from trainer.errors import SettingsError
from trainer.settings import HoldOut, Recipe
from trainer.train.folds import deal, split

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


def described(count: int, **told: Callable[[int], object]) -> list[Case]:
    """Kidneys, of which each is what the functions say of its number."""
    return [
        replace(case, **{name: of(number) for name, of in told.items()})
        for number, case in enumerate(cases_of(["kidney"] * count))
    ]


def recipe(**rule: object) -> Recipe:
    return Recipe(name="x", folds=4, seed=1, hold_out=HoldOut.model_validate(rule))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("source", {"data_source": lambda one: "HPA" if one < 16 else "Hubmap"}),
        ("sex", {"sex": lambda one: "Male" if one < 16 else None}),
        ("age", {"age": lambda one: 23.0 if one < 16 else 71.0}),
    ],
)
def test_sources_sexes_and_ages_are_spread_when_asked_for(
    name: str, told: dict[str, Callable[[int], object]]
):
    cases = described(32, **told)

    spread = deal(cases, recipe(spread=[name]), {}, Path()).fold_of
    assert Counter(spread[case.id] for case in cases[:16]) == dict.fromkeys(range(4), 4)
    assert Counter(spread[case.id] for case in cases[16:]) == dict.fromkeys(range(4), 4)
    left_to_chance = deal(cases, recipe(), {}, Path()).fold_of
    assert Counter(left_to_chance[case.id] for case in cases[:16]) != dict.fromkeys(range(4), 4)


def test_a_source_at_a_time_is_held_out_and_a_look_alike_elsewhere_is_not_learned():
    cases = described(9, data_source=lambda one: ("PAS", "PASM", None)[one % 3])
    folds = deal(cases, recipe(by="source"), {"0": "twins", "1": "twins"}, Path())

    assert folds.trained == (0, 1, 2)
    assert folds.held_out(0) == {"0", "3", "6"}
    assert folds.training(0) == {"4", "7", "2", "5", "8"}  # not 1, the twin of 0
    assert folds.training(2) == {"0", "3", "6", "1", "4", "7"}
    with pytest.raises(SettingsError, match="needs two data sources, and there is 1"):
        deal(cases[::3], recipe(by="source"), {}, Path())


def test_single_folds_are_trained_alone_and_only_theirs_is_measured():
    cases = cases_of(["lung"] * 8)
    folds = deal(cases, recipe(only=[2]), {}, Path())

    assert folds.trained == (2,)
    assert folds.measured() == sorted(folds.held_out(2), key=int)
    assert len(folds.measured()) == 2
    with pytest.raises(SettingsError, match=r"names fold 4, and there are 4, counted from 0"):
        deal(cases, recipe(only=[4]), {}, Path())


def test_all_data_are_one_member_and_nothing_is_measured():
    cases = cases_of(["lung"] * 3)
    folds = deal(cases, recipe(by="nothing"), {}, Path())

    assert (folds.trained, folds.measured()) == ((0,), [])
    assert folds.training(0) == {"0", "1", "2"}


def test_a_fixed_file_deals_the_folds(tmp_path: Path):
    cases = cases_of(["lung"] * 3)
    (tmp_path / "mine.csv").write_text("id,organ,fold\n2,lung,0\n0,lung,1\n1,lung,1\n9,lung,0\n")

    folds = deal(cases, recipe(file="mine.csv"), {}, tmp_path)
    assert dict(folds.fold_of) == {"0": 1, "1": 1, "2": 0}
    assert folds.trained == (0, 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "there is no such file; correct `hold_out.file`"),
        ("id\n0\n", "row 1: the column fold is missing"),
        ("id,fold\n0,first\n", "row 2: `first` is no fold"),
        ("id,fold\n0,1\n0,2\n", "row 3: the id 0 is there twice"),
        ("id,fold\n0,1\n", "names no fold for 2 cases, such as 1; add a row"),
    ],
)
def test_a_file_that_deals_wrongly_is_told(tmp_path: Path, text: str | None, problem: str):
    if text is not None:
        (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(SettingsError, match=problem):
        deal(cases_of(["lung"] * 3), recipe(file="mine.csv"), {}, tmp_path)


@pytest.mark.parametrize(
    "rule",
    [
        {"by": "source", "spread": ["sex"]},
        {"by": "nothing", "only": [0]},
        {"file": "a.csv", "spread": ["sex"]},
        {"only": [1, 1]},
    ],
)
def test_rules_that_contradict_each_other_are_refused(rule: dict[str, object]):
    with pytest.raises(ValueError, match=r"exclude each other|listed twice"):
        HoldOut.model_validate(rule)


def test_two_traits_are_both_spread():
    cases = described(8, sex=lambda one: "MF"[one // 4], age=lambda one: (20.0, 60.0)[one // 2 % 2])
    folds = deal(cases, recipe(spread=["sex", "age"]), {}, Path()).fold_of

    for told in ("sex", "age"):
        of = {case.id: getattr(case, told) for case in cases}
        assert {len({of[id] for id, one in folds.items() if one == fold}) for fold in range(4)} == {
            2
        }
