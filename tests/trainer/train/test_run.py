from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import Start, Store
from trainer.errors import Cancelled, ImageError, SettingsError
from trainer.model import checkpoint
from trainer.predict.ensemble import Predictor
from trainer.settings import LabelWeights, Recipe, Training, read_ensemble, read_recipe
from trainer.train.progress import Progress
from trainer.train.run import run

pytestmark = pytest.mark.usefixtures("short_epochs")


@pytest.fixture
def cohort(cohort_folder: Path) -> Cohort:
    return Cohort.open(cohort_folder)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stop_in(fold: int):
    def hear(progress: Progress) -> None:
        if progress.stage == "training" and progress.fold == fold:
            raise Cancelled

    return hear


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_an_ensemble_its_curves_and_its_report(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    out = tmp_path / "run"
    heard: list[Progress] = []
    result = run(cohort, tiny_recipe, out, device="cpu", progress=heard.append)
    labelled = [case for case in cohort.cases.values() if case.has_truth]

    assert files_of(out) == {
        *("recipe.yaml", "run.json", "folds.csv", "report.csv", "cases.csv", "ensemble.yaml"),
        *(f"fold{k}/{name}" for k in (0, 1) for name in FOLD),
        *(f"oof/{case.id}.npz" for case in labelled),
        "oof/prediction.json",
    }
    assert read_recipe(out / "recipe.yaml") == tiny_recipe
    for k in (0, 1):
        curve = rows_of(out / f"fold{k}" / "curves.csv")
        assert list(curve[0]) == ["epoch", "seconds", "train_loss", "val_loss", "val_dice"]
        assert [row["epoch"] for row in curve] == ["0"]
        assert 0 < float(curve[0]["train_loss"]) < 5
    table = rows_of(out / "report.csv")
    assert [row["organ"] for row in table] == [*sorted({c.organ for c in labelled}), "all"]
    assert table[-1]["cases"] == str(len(labelled))
    assert float(table[-1]["dice_mean"]) == pytest.approx(result.report[-1].dice_mean, abs=1e-4)
    assert {progress.stage for progress in heard} == {"reading", "training", "predicting"}


FOLD = ("weights.safetensors", "weights.json", "curves.csv")


def test_each_case_is_predicted_by_the_member_that_did_not_see_it(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    out = tmp_path / "run"
    tried = tiny_recipe.model_copy(update={"training": Training(precision="auto")})
    run(cohort, tried, out, device="cpu")
    folds = {row["id"]: int(row["fold"]) for row in rows_of(out / "folds.csv")}
    told = json.loads((out / "run.json").read_text("utf-8"))

    for k in (0, 1):
        twin = checkpoint.describe(out / f"fold{k}" / "weights.safetensors")
        assert set(twin.trained_on) == {case_id for case_id, fold in folds.items() if fold != k}
        assert (twin.fold, twin.size, twin.recipe) == (k, tiny_recipe.size, "tiny")
    kept = Predictions.open(out / "oof")
    ensemble = read_ensemble(out)
    with Predictor(ensemble, out, "cpu") as predictor:
        assert kept.description["fingerprint"] == predictor.fingerprint
        for case_id, fold in folds.items():
            image, digest = cohort.image(case_id), cohort.digest(case_id)
            prediction = kept.read(case_id)
            assert prediction is not None
            assert not prediction.in_sample
            only = ensemble.model_copy(update={"members": (ensemble.members[fold],)})
            with Predictor(only, out, "cpu") as alone:
                theirs = alone.predict(image, case_id, digest)
            assert np.array_equal(prediction.probability, theirs.probability)
    assert told["cases"] == {case_id: cohort.digest(case_id) for case_id in folds}
    assert told["encoder_start"] == "scratch"
    assert told["finished"] >= told["started"]
    assert told["precision"] in ("32-true", "bf16-mixed")


def test_the_recipe_says_how_its_ensemble_makes_masks(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    asked = {
        "tta": ["rot90"],
        "thresholds": {"kidney": 0.3},
        "postprocess": {"default": {"erode": 3}},
    }
    recipe = Recipe.model_validate(tiny_recipe.model_dump() | {"ensemble": asked})
    run(cohort, recipe, tmp_path / "run", device="cpu")

    ensemble = read_ensemble(tmp_path / "run")
    assert ensemble.tta == ("rot90",)
    assert ensemble.threshold_for("kidney") == 0.3
    assert Predictions.open(tmp_path / "run" / "oof").masking == ensemble.masking
    assert ensemble.masking.steps_for("lung").erode == 3


def test_a_missing_reference_of_its_ensemble_is_told_before_it_is_trained(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    written = tmp_path / "mine.yaml"
    written.write_text(
        "name: mine\nensemble: {tta_stains: [{method: reinhard, reference: none.tiff}]}\n", "utf-8"
    )
    recipe = read_recipe(written)

    assert recipe.ensemble.tta_stains[0].reference == str(tmp_path / "none.tiff")
    with pytest.raises(ImageError, match=r"none\.tiff"):
        run(cohort, recipe, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_time_is_up_for_all_folds_together(cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path):
    recipe = tiny_recipe.model_copy(update={"epochs": 10**6, "minutes": 0.05})
    run(cohort, recipe, tmp_path / "run", device="cpu")

    for k in (0, 1):
        assert len(rows_of(tmp_path / "run" / f"fold{k}" / "curves.csv")) >= 1


def test_stopped_before_a_fold_is_finished_nothing_stays(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    with pytest.raises(Cancelled):
        run(cohort, tiny_recipe, tmp_path / "run", device="cpu", progress=stop_in(fold=0))

    assert not (tmp_path / "run").exists()


def test_stopped_after_an_epoch_it_goes_on_from_there(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    recipe, out = tiny_recipe.model_copy(update={"epochs": 2}), tmp_path / "run"
    run(cohort, recipe, tmp_path / "whole", device="cpu")

    def stop(progress: Progress) -> None:
        if progress.epoch == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(cohort, recipe, out, device="cpu", progress=stop)
    assert files_of(out) == {
        *("recipe.yaml", "run.json", "folds.csv", "fold0/curves.csv", "fold0/unfinished.ckpt")
    }
    epochs: list[int] = []
    run(cohort, recipe, out, device="cpu", progress=lambda one: epochs.append(one.epoch))

    assert not list(out.rglob("unfinished*"))
    for fold in ("fold0", "fold1"):
        one, other = (place / fold / "weights.safetensors" for place in (out, tmp_path / "whole"))
        assert one.read_bytes() == other.read_bytes()
    assert next(epoch for epoch in epochs if epoch) == 1, "the first epoch is done"


def test_stopped_later_the_finished_folds_are_an_ensemble_and_the_rest_is_taken_up(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    out = tmp_path / "run"
    with pytest.raises(Cancelled):
        run(cohort, tiny_recipe, out, device="cpu", progress=stop_in(fold=1))

    assert files_of(out) == {
        *("recipe.yaml", "run.json", "folds.csv", "ensemble.yaml"),
        *(f"fold0/{name}" for name in FOLD),
    }
    assert not (out / "fold1").exists()
    assert [member.weights for member in read_ensemble(out).members] == [
        "fold0/weights.safetensors"
    ]
    assert json.loads((out / "run.json").read_text("utf-8"))["finished"] is None
    first = (out / "fold0" / "weights.safetensors").read_bytes()

    result = run(cohort, tiny_recipe, out, device="cpu", progress=stop_in(fold=0))
    assert (out / "fold0" / "weights.safetensors").read_bytes() == first
    assert len(read_ensemble(out).members) == 2
    assert result.report[-1].cases == 4


def test_a_folder_with_anything_else_in_it_is_refused_and_left_alone(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match="is not empty; choose a new folder"):
        run(cohort, tiny_recipe, theirs, device="cpu")

    out = tmp_path / "run"
    with pytest.raises(Cancelled):
        run(cohort, tiny_recipe, out, device="cpu", progress=stop_in(fold=1))
    before = files_of(out)
    other = tiny_recipe.model_copy(update={"seed": 4})
    with pytest.raises(SettingsError, match="an unfinished run of another recipe"):
        run(cohort, other, out, device="cpu")
    (cohort.folder / "reviews.sqlite").unlink(missing_ok=True)
    store = Store.for_cohort(cohort.folder)
    store.add("11", np.ones((300, 400), np.uint8), tool="test", status="accepted")
    with pytest.raises(SettingsError, match="on other cases or masks"):
        run(cohort, tiny_recipe, out, curated=store, device="cpu")
    store.close()

    assert files_of(theirs) == {"notes.txt"}
    assert files_of(out) == before


def test_a_run_names_what_each_label_was_and_judges_by_no_prediction(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    store = Store.for_cohort(cohort.folder)
    used = {}
    for case_id, confidence in (("31", 0.95), ("12", 0.5)):
        mask = np.ones(cohort.shape(case_id), np.uint8)
        start = Start("ours", "a1", 0.5, confidence)
        used[case_id] = store.add(
            case_id, mask, tool="test", status="accepted", origin="raw prediction",
            started_from=start,
        ).id  # fmt: skip
    worth = {"raw_prediction": {"weight": 0.5, "min_confidence": 0.9}}
    recipe = tiny_recipe.model_copy(update={"labels": LabelWeights.model_validate(worth)})
    result = run(cohort, recipe, tmp_path / "run", curated=store, device="cpu")
    store.close()

    document = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert document["revisions"] == {"31": used["31"]}
    truths = {case_id: {"origin": "truth", "weight": 1} for case_id in ("11", "21", "22")}
    assert document["labels"] == truths | {"31": {"origin": "raw prediction", "weight": 0.5}}
    assert {score.case_id for score in result.scores} == {"11", "21", "22"}


def test_one_image_under_two_ids_is_not_counted_as_unseen(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    first, second = (cohort.cases[case_id].image_path for case_id in ("11", "12"))
    second.write_bytes(first.read_bytes())
    told: list[str] = []

    def hear(progress: Progress) -> None:
        if progress.notice:
            told.append(progress.notice)

    result = run(cohort, tiny_recipe, tmp_path / "run", device="cpu", progress=hear)

    assert result.report[-1].cases == 2
    assert len([line for line in told if "there twice" in line]) == 2


def test_images_that_look_alike_share_a_fold_also_when_a_run_is_taken_up(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    out, listed = tmp_path / "run", cohort.folder / "duplicates.csv"
    listed.write_text("id,group\n11,1\n12,1\n")
    with pytest.raises(Cancelled):
        run(cohort, tiny_recipe, out, device="cpu", progress=stop_in(fold=1))
    folds = {row["id"]: row["fold"] for row in rows_of(out / "folds.csv")}
    assert folds["11"] == folds["12"]

    listed.unlink()
    with pytest.raises(SettingsError, match="or with other folds; choose another folder"):
        run(cohort, tiny_recipe, out, device="cpu")
