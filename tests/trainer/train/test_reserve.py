"""Time that is kept for out-of-fold predictions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from trainer.data.cohort import Cohort
from trainer.errors import Cancelled
from trainer.settings import Recipe, Stain
from trainer.train.progress import Progress, tell_nobody
from trainer.train.reserve import seconds_to_predict

CPU = torch.device("cpu")
EIGHT = (
    *("identity", "hflip", "vflip", "rot180"),
    *("rot90", "rot270", "transpose", "transverse"),
)


@pytest.fixture
def cohort(cohort_folder: Path) -> Cohort:
    return Cohort.open(cohort_folder)


def labelled(cohort: Cohort) -> list[str]:
    return [case.id for case in cohort.cases.values() if case.has_truth]


def seen_in(recipe: Recipe, scales: tuple[float, ...]) -> Recipe:
    changed = {"tta": EIGHT, "tta_scales": scales}
    return recipe.model_copy(update={"ensemble": recipe.ensemble.model_copy(update=changed)})


def test_an_ensemble_of_many_views_is_kept_more_time(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    ids = labelled(cohort)
    few = seconds_to_predict(cohort, ids, tiny_recipe, CPU, tell_nobody, tmp_path)
    many = seen_in(tiny_recipe, (0.75, 1.0, 1.25, 1.5, 2.0, 3.0))

    assert seconds_to_predict(cohort, ids, many, CPU, tell_nobody, tmp_path) > 2 * few > 0


def test_where_nothing_is_held_out_none_is_kept(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    assert seconds_to_predict(cohort, [], tiny_recipe, CPU, tell_nobody, tmp_path) == 0


def test_it_can_be_stopped(cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path) -> None:
    def stop(_: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        seconds_to_predict(cohort, labelled(cohort), tiny_recipe, CPU, stop, tmp_path)


def test_references_of_stains_are_found_from_the_run_s_folder(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    ids = labelled(cohort)
    shutil.copy(cohort.cases[ids[0]].image_path, tmp_path / "reference.tiff")
    stains = (Stain(method="reinhard", reference="reference.tiff"),)
    asked = tiny_recipe.ensemble.model_copy(update={"tta_stains": stains})
    recipe = tiny_recipe.model_copy(update={"ensemble": asked})

    assert seconds_to_predict(cohort, ids, recipe, CPU, tell_nobody, tmp_path) > 0
