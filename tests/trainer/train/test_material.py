"""What a run learns from, and what its members never see."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cohorts import Drawn, write_cohort
from trainer.data.cohort import Cohort
from trainer.errors import SettingsError
from trainer.model.described import describe
from trainer.settings import (
    Augmentation,
    HoldOut,
    LabelWeights,
    Recipe,
    Sampling,
    read_ensemble,
)
from trainer.train.material import gather
from trainer.train.progress import Progress, tell_nobody
from trainer.train.run import NOTHING_HELD_OUT, run

pytestmark = pytest.mark.usefixtures("short_epochs")

OTHER = (
    Drawn("11", "lung", (200, 260), discs=((100, 100, 50),)),
    Drawn("99", "kidney", (200, 260), discs=((100, 130, 40),)),
)


@pytest.fixture
def cohort(cohort_folder: Path) -> Cohort:
    return Cohort.open(cohort_folder)


@pytest.fixture
def other(cohort: Cohort) -> Path:
    """Another cohort beside it, one of whose ids the cohort has as well."""
    folder = cohort.folder.parent / "other"
    write_cohort(folder, OTHER)
    return folder


def learned(out: Path, fold: int) -> set[str]:
    return set(describe(out / f"fold{fold}" / "weights.safetensors").trained_on)


def facts(out: Path) -> dict[str, object]:
    return json.loads((out / "run.json").read_text("utf-8"))


def notices(heard: list[Progress]) -> list[str]:
    return [one.notice for one in heard if one.notice is not None]


def test_another_cohort_is_learned_by_every_member_and_measured_on_by_none(
    cohort: Cohort, other: Path, tiny_recipe: Recipe, tmp_path: Path
):
    recipe = tiny_recipe.model_copy(update={"external": ("../other",)})
    result = run(cohort, recipe, tmp_path / "run", device="cpu")

    for fold in (0, 1):
        assert {"../other/11", "../other/99"} < learned(tmp_path / "run", fold)
    assert {score.case_id for score in result.scores} == {"11", "12", "21", "22"}
    assert facts(tmp_path / "run")["external"] == {
        f"../other/{case_id}": Cohort.open(other).digest(case_id) for case_id in ("11", "99")
    }


def test_an_image_of_another_cohort_that_this_one_has_is_left_out(
    cohort: Cohort, other: Path, tiny_recipe: Recipe, tmp_path: Path
):
    (other / "train_images" / "99.tiff").write_bytes(cohort.cases["12"].image_path.read_bytes())
    (other / "train.csv").write_text((other / "train.csv").read_text().replace("200,260", ","))
    heard: list[Progress] = []
    recipe = tiny_recipe.model_copy(
        update={"external": ("../other",), "labels": LabelWeights(external=0.5)}
    )
    run(cohort, recipe, tmp_path / "run", device="cpu", progress=heard.append)

    assert "../other/99" not in learned(tmp_path / "run", 0) | learned(tmp_path / "run", 1)
    assert any("case 99 is left out, the cohort has its image" in one for one in notices(heard))


def test_the_cohort_is_no_other_cohort(cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path):
    recipe = tiny_recipe.model_copy(update={"external": (".",)})
    with pytest.raises(SettingsError, match="names the cohort itself"):
        run(cohort, recipe, tmp_path / "run", device="cpu")

    assert not (tmp_path / "run").exists()


def test_a_specialist_learns_its_organ_and_serves_no_other(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    recipe = tiny_recipe.model_copy(update={"organs": ("lung",)})
    result = run(cohort, recipe, tmp_path / "run", device="cpu")

    assert learned(tmp_path / "run", 0) | learned(tmp_path / "run", 1) == {"21", "22"}
    assert [row.organ for row in result.report] == ["lung", "all"]
    assert {member.organs for member in read_ensemble(tmp_path / "run").members} == {("lung",)}


def test_one_fold_is_one_member_with_its_own_out_of_fold_predictions(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    recipe = tiny_recipe.model_copy(update={"hold_out": HoldOut.model_validate({"only": [1]})})
    result = run(cohort, recipe, tmp_path / "run", device="cpu")

    assert len(read_ensemble(tmp_path / "run").members) == 1
    measured = {score.case_id for score in result.scores}
    assert measured == {"11", "12", "21", "22"} - learned(tmp_path / "run", 1)
    assert {path.stem for path in (tmp_path / "run" / "oof").glob("*.npz")} == measured


def test_all_data_are_one_member_without_a_dice_and_it_is_said(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    rule = HoldOut.model_validate({"by": "nothing"})
    heard: list[Progress] = []
    recipe = tiny_recipe.model_copy(update={"hold_out": rule, "epochs": 2})
    result = run(cohort, recipe, tmp_path / "run", device="cpu", progress=heard.append)

    assert learned(tmp_path / "run", 0) == {"11", "12", "21", "22"}
    assert (result.scores, result.report) == ((), ())
    assert NOTHING_HELD_OUT in [one.remark for one in heard]
    assert not (tmp_path / "run" / "oof").exists()
    curve = (tmp_path / "run" / "fold0" / "curves.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in curve] == ["epoch", "0", "1"]


def test_an_organ_of_weight_0_is_measured_but_not_learned(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    sampling = Sampling.model_validate({"organs": {"lung": 0.0}})
    result = run(
        cohort,
        tiny_recipe.model_copy(update={"sampling": sampling}),
        tmp_path / "run",
        device="cpu",
    )

    assert learned(tmp_path / "run", 0) | learned(tmp_path / "run", 1) == {"11", "12"}
    assert {score.case_id for score in result.scores} == {"11", "12", "21", "22"}


def test_what_a_member_s_parent_has_seen_it_has_seen_too(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    only = HoldOut.model_validate({"only": [0]})
    every = tiny_recipe.model_copy(update={"hold_out": only})
    run(cohort, every, tmp_path / "first", device="cpu")
    file = HoldOut.model_validate({"file": str(tmp_path / "first" / "folds.csv"), "only": [0]})
    some = tiny_recipe.model_copy(update={"hold_out": file, "organs": ("lung",)})
    run(cohort, some, tmp_path / "next", device="cpu", parent=tmp_path / "first")

    assert learned(tmp_path / "next", 0) == learned(tmp_path / "first", 0)


def test_another_cohort_s_cases_are_seen_as_by_this_one_s_scanners(
    cohort: Cohort, other: Path, tiny_recipe: Recipe, tmp_path: Path
):
    csv = other / "train.csv"
    csv.write_text(csv.read_text().replace("HPA", "Elsewhere"))
    coarser = Augmentation.model_validate({"coarser": {"source": "HPA"}})
    recipe = tiny_recipe.model_copy(update={"external": ("../other",), "augmentation": coarser})
    material = gather(cohort, None, recipe, tmp_path, tell_nobody)

    lung = next(one for one in material.external if one.case.organ == "lung")
    assert lung.pixel_size is not None
    assert lung.coarser == pytest.approx(lung.pixel_size / 0.5)


def test_a_warm_start_from_members_that_have_seen_everything_is_refused(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    rule = HoldOut.model_validate({"by": "nothing"})
    every = tiny_recipe.model_copy(update={"hold_out": rule})
    run(cohort, every, tmp_path / "first", device="cpu")

    with pytest.raises(SettingsError, match=r"has seen .* that fold 0 holds out; keep its folds"):
        run(cohort, tiny_recipe, tmp_path / "next", device="cpu", parent=tmp_path / "first")
    run(cohort, every, tmp_path / "again", device="cpu", parent=tmp_path / "first")
    with pytest.raises(SettingsError, match="holds no trained member to start from"):
        run(cohort, tiny_recipe, tmp_path / "next", device="cpu", parent=tmp_path)


def test_another_network_cannot_go_on(cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path):
    run(cohort, tiny_recipe, tmp_path / "first", device="cpu")
    network = tiny_recipe.network.model_copy(update={"decoder_channels": (16, 16, 8, 8, 4)})
    other = tiny_recipe.model_copy(update={"network": network})
    with pytest.raises(SettingsError, match="is another network than the recipe's"):
        run(cohort, other, tmp_path / "next", device="cpu", parent=tmp_path / "first")


def test_what_was_scored_on_has_a_version(cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path):
    from trainer.data.store import Store

    run(cohort, tiny_recipe, tmp_path / "first", device="cpu")
    run(cohort, tiny_recipe, tmp_path / "same", device="cpu")
    store = Store.for_cohort(cohort.folder)
    kept = store.add("11", np.ones((300, 400), np.uint8), tool="test", status="accepted")
    run(cohort, tiny_recipe, tmp_path / "next", curated=store, device="cpu")
    store.close()

    first, same, then = (facts(tmp_path / name)["scored_on"] for name in ("first", "same", "next"))
    assert first == same
    assert isinstance(first, dict)
    assert isinstance(then, dict)
    assert first["digest"] != then["digest"]
    assert (first["curated"], then["curated"], first["newest"]) == (0, 1, None)
    assert then["newest"] == kept.created.isoformat(timespec="seconds")
