"""Which run is in force, and by what act."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import Store
from trainer.errors import SettingsError
from trainer.review import promotion
from trainer.settings import Ensemble, read_ensemble, to_yaml


@pytest.fixture
def cohort(cohort_folder: Path) -> Cohort:
    return Cohort.open(cohort_folder)


def write_run(cohort: Cohort, name: str, wrong: dict[str, float], seen: str = "") -> Path:
    """A run whose out-of-fold masks are the truths, less the top share of each that is named."""
    folder = cohort.folder / "runs" / name
    folder.mkdir(parents=True)
    members = [{"weights": "fold0/weights.safetensors"}]
    told = Ensemble.model_validate({"name": name, "members": members, "thresholds": {"lung": 0.3}})
    (folder / "ensemble.yaml").write_text(to_yaml(told), "utf-8")
    kept = Predictions.create(folder / "oof", {"threshold": 0.5, "thresholds": {}})
    for case in cohort.cases.values():
        truth = cohort.truth(case.id)
        if truth is None:
            continue
        level = 100 if case.organ == "lung" else 255  # of lungs seen at the threshold of 0.3 only
        probability = truth * np.uint8(level)
        probability[: round(wrong.get(case.id, 0.0) * len(truth))] = 0
        spread = np.zeros_like(probability)
        shape = (truth.shape[0], truth.shape[1])
        kept.write(Prediction(case.id, probability, spread, shape, case.id == seen))
    return folder


def test_a_run_is_compared_with_the_one_in_force_case_by_case(cohort: Cohort):
    first = write_run(cohort, "first", {"11": 0.4, "21": 0.5})
    second = write_run(cohort, "second", {"12": 0.5}, seen="22")

    alone = promotion.judge(cohort, None, first)
    assert (alone.in_force, alone.comparison) == ("", None)
    assert alone.dice["12"] == alone.dice["22"] == 1.0
    promotion.promote(cohort, first)
    found = promotion.judge(cohort, None, second)

    assert found.in_force == "runs/first"
    assert found.comparison is not None
    assert found.comparison.left_out == ("22",)
    assert [row.case_id for row in found.comparison.rows if row.change < 0] == ["12"]
    organs = {one.organ: one for one in found.comparison.organs}
    assert organs["lung"].mean_change > 0
    assert organs["kidney"].low < organs["kidney"].mean_change < organs["kidney"].high


def test_the_development_set_is_frozen_masks_and_all(cohort: Cohort):
    run = write_run(cohort, "first", {})
    store = Store.for_cohort(cohort.folder)
    store.add("12", np.zeros((300, 400), np.uint8), tool="test", status="rejected")
    before = promotion.judge(cohort, store, run)
    assert set(before.dice) == {"11", "21", "22"}

    empty = np.zeros((300, 400), np.uint8)
    store.add("11", empty, tool="test", status="accepted")
    after = promotion.judge(cohort, store, run)
    store.close()
    assert after.dice == before.dice == {"11": 1.0, "21": 1.0, "22": 1.0}


def test_nothing_takes_over_by_being_compared_and_what_does_can_be_taken_back(cohort: Cohort):
    first, second = (write_run(cohort, name, {}) for name in ("first", "second"))
    promotion.judge(cohort, None, first)
    in_force = cohort.folder / promotion.PROMOTED
    assert not in_force.exists()

    promotion.promote(cohort, first)
    text = in_force.read_text("utf-8")
    member = read_ensemble(in_force).members[0].weights
    assert (in_force.parent / (member or "")).resolve() == first / "fold0" / "weights.safetensors"
    assert read_ensemble(in_force).thresholds == {"lung": 0.3}
    promotion.promote(cohort, second)
    assert "second" in in_force.read_text("utf-8")

    assert promotion.back(cohort).run == "runs/first"
    assert in_force.read_text("utf-8") == text
    assert promotion.back(cohort).run == ""
    assert not in_force.exists()
    with pytest.raises(SettingsError, match="no run is in force"):
        promotion.back(cohort)
    assert [one.act for one in promotion.history(cohort.folder)] == [
        "promoted", "promoted", "back", "back",
    ]  # fmt: skip


def test_what_is_in_force_is_not_promoted_again_and_no_run_is_none(cohort: Cohort, tmp_path: Path):
    run = write_run(cohort, "first", {})
    promotion.promote(cohort, run)
    with pytest.raises(SettingsError, match="is in force already"):
        promotion.promote(cohort, run)
    with pytest.raises(SettingsError, match="there is no such file"):
        promotion.judge(cohort, None, tmp_path)
    (cohort.folder / "ensembles" / "promotions.json").write_text(json.dumps([{"act": 1}]))
    with pytest.raises(SettingsError, match=r"promotions\.json: cannot be read"):
        promotion.history(cohort.folder)
