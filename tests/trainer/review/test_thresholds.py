"""The best threshold is found, and luck is not taken for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from trainer.errors import PredictionError, SettingsError
from trainer.locate import resource
from trainer.predict.postprocess import lowest_level
from trainer.review.histograms import Histogram, Histograms
from trainer.review.thresholds import HIGHEST, LOWEST, apply, best, best_by_organ, threshold_of
from trainer.settings import Ensemble, Member, PostProcessing, read_ensemble, to_yaml


def counted(
    inside: Sequence[int],
    outside: Sequence[int],
    *,
    organ: str = "lung",
    seen: bool = False,
    fold: int | None = None,
) -> Histogram:
    """A pixel of truth, or of the rest, at each of the levels given."""
    levels = (np.bincount(each, minlength=256).astype(np.int64) for each in (inside, outside))
    return Histogram("1", organ, seen, fold, *levels)


def split_at(level: int, **told: object) -> Histogram:
    """Truth from a level on, all else below it."""
    return counted(range(level, 256), range(level), **told)  # pyright: ignore[reportArgumentType]


def brute_force(cases: Sequence[Histogram]) -> int:
    """The lowest level of highest mean Dice within the range."""
    levels = range(lowest_level(LOWEST), int(HIGHEST * 255) + 1)
    means = [np.mean([dice_at(one, level) for one in cases]) for level in levels]
    return levels[int(np.argmax(means))]


def dice_at(one: Histogram, level: int) -> float:
    both, found = one.inside[level:].sum(), (one.inside + one.outside)[level:].sum()
    return 2 * both / (one.inside.sum() + found)


def test_each_level_has_a_threshold_that_means_it() -> None:
    levels = [*range(1, 256)]
    assert [lowest_level(threshold_of(level)) for level in levels] == levels


def test_thresholds_are_round_where_they_can_be() -> None:
    assert [threshold_of(level) for level in (128, 102, 64, 61)] == [0.5, 0.4, 0.25, 0.239]


@pytest.mark.parametrize("level", [30, 64, 128, 200, 240])
def test_the_threshold_of_the_highest_mean_is_found(level: int) -> None:
    cases = [split_at(level) for _ in range(5)]
    found = best(Histograms(cases), "lung")
    assert lowest_level(found.threshold) == level
    assert found.dice == 1
    assert found.gain == pytest.approx(1 - dice_at(cases[0], 128))
    assert found.cases == 5


def test_a_plateau_s_middle_is_taken() -> None:
    gap = counted([*range(181, 256)] * 9, [*range(61)] * 9)
    found = best(Histograms([gap] * 4))
    assert lowest_level(found.threshold) == (61 + 181) // 2


def test_no_threshold_beyond_the_range() -> None:
    assert best(Histograms([split_at(3)] * 4)).threshold == LOWEST
    assert best(Histograms([split_at(252)] * 4)).threshold <= HIGHEST
    assert best(Histograms([split_at(252)] * 4)).threshold > 0.94


def test_the_held_out_gain_is_that_of_thresholds_the_other_folds_choose() -> None:
    chance = np.random.default_rng(1)
    cases = [
        counted(
            chance.normal(120, 40, 900).clip(0, 255).astype(int).tolist(),
            chance.normal(60, 30, 900).clip(0, 255).astype(int).tolist(),
            fold=number % 3,
        )
        for number in range(7)
    ]
    gains = []
    for one in cases:
        level = brute_force([other for other in cases if other.fold != one.fold])
        gains.append(dice_at(one, level) - dice_at(one, 128))
    found = best(Histograms(cases), "lung")
    by_fold = [np.mean(gains[fold::3]) for fold in range(3)]
    # a plateau's middle may be up to 1e-4 below its top
    assert found.cross_validated_gain == pytest.approx(np.mean(gains), abs=5e-4)
    assert found.spread == pytest.approx(np.std(by_fold, ddof=1), abs=5e-4)
    assert found.error == pytest.approx(np.std(gains, ddof=1) / np.sqrt(7), abs=5e-4)
    assert (found.folds, found.of_run, found.within_noise) == (3, True, False)


def test_a_gain_that_one_case_alone_brings_is_noise() -> None:
    usual = [split_at(128) for _ in range(9)]
    odd = counted(range(40, 120), range(30))
    found = best(Histograms([*usual, odd]))
    assert found.within_noise
    assert found.cross_validated_gain <= found.error


def test_luck_is_seldom_advised() -> None:
    """Cases whose best thresholds lie at random about 0.5: there is nothing to gain."""
    chance = np.random.default_rng(0)
    advised = 0
    for _ in range(200):
        cases = [split_at(int(level)) for level in chance.normal(128, 25, 12).clip(20, 235)]
        advised += not best(Histograms(cases)).within_noise
    assert advised / 200 < 1 / 6


def test_cases_without_a_run_are_dealt_always_the_same_way() -> None:
    chance = np.random.default_rng(3)
    cases = [split_at(int(level)) for level in chance.integers(90, 160, 11)]
    first, again = (best(Histograms(cases)) for _ in range(2))
    assert first == again
    assert (first.folds, first.of_run) == (5, False)


def test_a_case_that_no_fold_names_has_folds_drawn() -> None:
    cases = [split_at(90, fold=number % 2) for number in range(6)]
    assert best(Histograms(cases)).of_run
    assert not best(Histograms([*cases, split_at(90)])).of_run


@pytest.mark.parametrize("count", [1, 2])
def test_few_cases_are_measured_but_one_cannot_be_held_out(count: int) -> None:
    found = best(Histograms([split_at(64)] * count))
    assert lowest_level(found.threshold) == 64
    assert found.within_noise == (count == 1)
    assert found.folds == count


def test_what_was_seen_in_training_has_no_part() -> None:
    unseen = [split_at(64) for _ in range(4)]
    seen = [split_at(200, seen=True) for _ in range(9)]
    assert best(Histograms([*seen, *unseen])) == best(Histograms(unseen))
    with pytest.raises(PredictionError, match=r"no case of lung .* not .* seen in training"):
        best(Histograms(seen), "lung")


def test_each_organ_has_its_own() -> None:
    cases = [split_at(64, organ=organ) for organ in ("spleen", "kidney") for _ in range(3)]
    cases += [split_at(64, organ="skin", seen=True)]
    found = best_by_organ(Histograms(cases))
    assert [(one.organ, one.cases) for one in found] == [("kidney", 3), ("spleen", 3)]


@pytest.fixture
def ensemble(tmp_path: Path) -> Path:
    tuned = Ensemble(
        name="mine",
        members=(
            Member(weights="fold0/weights.safetensors", weight=2.0),
            Member(weights="b.st", weight=1.0),
        ),
        tta=("identity", "hflip"),
        threshold=0.45,
        thresholds={"lung": 0.2, "skin": 0.3},
    )
    path = tmp_path / "ensemble.yaml"
    path.write_text("# mine\n" + to_yaml(tuned), "utf-8")
    return path


def test_applying_changes_the_organs_named_and_nothing_else(ensemble: Path) -> None:
    before = read_ensemble(ensemble).model_dump()
    apply(ensemble, {"lung": 0.4, "kidney": 0.6})
    after = read_ensemble(ensemble).model_dump()
    assert after.pop("thresholds") == {"lung": 0.4, "skin": 0.3, "kidney": 0.6}
    del before["thresholds"]
    assert after == before
    assert [path.name for path in ensemble.parent.iterdir()] == ["ensemble.yaml"]


def test_a_run_s_folder_stands_for_its_ensemble(ensemble: Path) -> None:
    apply(ensemble.parent, {"lung": 0.4})
    assert read_ensemble(ensemble).threshold_for("lung") == 0.4


@pytest.mark.parametrize("threshold", [0.0, 1.0, -3.0, float("nan")])
def test_a_threshold_that_is_none_is_refused(ensemble: Path, threshold: float) -> None:
    before = ensemble.read_bytes()
    with pytest.raises(SettingsError, match=r"ensemble\.yaml: the threshold of lung is"):
        apply(ensemble, {"lung": threshold})
    assert ensemble.read_bytes() == before


def test_what_came_with_the_program_stays() -> None:
    bundled = resource("demo/ensemble/ensemble.yaml")
    before = bundled.read_bytes()
    with pytest.raises(SettingsError, match=r"came with the program .* copy its folder"):
        apply(bundled, {"lung": 0.4})
    assert bundled.read_bytes() == before


@pytest.mark.skipif(os.access("/", os.W_OK), reason="this user may write to read-only files")
def test_a_read_only_ensemble_is_not_replaced(ensemble: Path) -> None:
    ensemble.chmod(0o444)
    with pytest.raises(SettingsError, match=r"is read-only; copy its folder"):
        apply(ensemble, {"lung": 0.4})
    assert read_ensemble(ensemble).threshold_for("lung") == 0.2


def test_what_is_no_ensemble_is_left_alone(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: quick\nsize: 512\n")
    with pytest.raises(SettingsError, match="unknown key `size`"):
        apply(recipe, {"lung": 0.4})
    assert recipe.read_text() == "name: quick\nsize: 512\n"


def test_a_threshold_for_all_takes_the_place_of_those_of_data_sources(ensemble: Path) -> None:
    sources = {"lung": {"HPA": 0.1}, "skin": {"HPA": 0.2}}
    steps = {"lung": PostProcessing.model_validate({"erode": 2})}
    told = {"source_thresholds": sources, "postprocess": steps}
    ensemble.write_text(to_yaml(read_ensemble(ensemble).model_copy(update=told)), "utf-8")
    apply(ensemble, {"lung": 0.4})
    after = read_ensemble(ensemble)
    assert after.threshold_for("lung", "HPA") == 0.4
    assert after.threshold_for("skin", "HPA") == 0.2
    assert after.masking.steps_for("lung").erode == 2
