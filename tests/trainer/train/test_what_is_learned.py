"""What a run learns: discs, curated masks, and on from what another run has learned."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from trainer.data.cohort import Cohort
from trainer.data.store import Store
from trainer.model.described import describe
from trainer.settings import Recipe
from trainer.train.run import run


@pytest.fixture
def cohort(cohort_folder: Path) -> Cohort:
    return Cohort.open(cohort_folder)


def facts(out: Path) -> dict[str, object]:
    return json.loads((out / "run.json").read_text("utf-8"))


def test_a_warm_start_goes_on_from_members_that_have_not_seen_what_is_held_out(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    longer = tiny_recipe.model_copy(update={"epochs": 8, "batch_size": 4, "learning_rate": 1e-2})
    first = run(cohort, longer, tmp_path / "first", device="cpu")
    still = tiny_recipe.model_copy(update={"learning_rate": 1e-9})
    warm = run(cohort, still, tmp_path / "warm", device="cpu", parent=tmp_path / "first")
    cold = run(cohort, still, tmp_path / "cold", device="cpu")

    assert first.report[-1].dice_mean > 0.8, "a few epochs learn what a disc is"
    assert warm.report[-1].dice_mean > cold.report[-1].dice_mean + 0.2
    started = facts(tmp_path / "first")["started"]
    assert facts(tmp_path / "warm")["start"] == {"run": "first", "started": started}
    assert facts(tmp_path / "cold")["start"] == "scratch"
    twin = describe(tmp_path / "warm" / "fold1" / "weights.safetensors")
    assert twin.start == "run first fold 1"


def test_curated_masks_are_learned_and_named(cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path):
    store = Store.for_cohort(cohort.folder)
    ids = [case.id for case in cohort.cases.values()]
    revisions = {
        case_id: store.add(
            case_id, np.ones(cohort.shape(case_id), np.uint8), tool="test", status="accepted"
        ).id
        for case_id in ids
    }
    recipe = tiny_recipe.model_copy(update={"epochs": 3, "learning_rate": 1e-2})
    result = run(cohort, recipe, tmp_path / "run", curated=store, device="cpu")
    store.close()

    told = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert told["revisions"] == revisions
    assert result.report[-1].cases == len(ids)
    assert result.report[-1].dice_mean > 0.95  # of the truth's discs it would be below 0.5
