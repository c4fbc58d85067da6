"""Counting a cohort: once, and again only what has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from cohorts import TRAIN
from trainer.data.case import Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import PredictionError, SettingsError, TrainerError
from trainer.metrics import dice
from trainer.predict.postprocess import to_mask
from trainer.review.gathering import folds_of
from trainer.review.histograms import Histogram, Histograms, gather

IDS = [one.id for one in TRAIN]


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    """Of the tiny cohort's labelled cases, at a quarter of their size, in a run's folder."""
    folder = Predictions.create(tmp_path / "run" / "oof", {"ensemble": "tiny"})
    for one in TRAIN:
        write(folder, one.id, one.mask)
    return folder


def write(folder: Predictions, case_id: str, mask: Mask, **told: bool) -> None:
    noise = np.random.default_rng(int(case_id)).integers(0, 56, mask.shape).astype(np.uint8)
    probability = (200 * mask[2::4, 2::4] + noise[2::4, 2::4]).astype(np.uint8)
    shape = (mask.shape[0], mask.shape[1])
    folder.write(Prediction(case_id, probability, probability // 9, shape, **told))


def counted(cohort: Cohort, predictions: Predictions) -> list[Histogram]:
    found = [*gather(cohort, cohort.truth, predictions, IDS)]
    return [one for one in found if isinstance(one, Histogram)]


def table(histograms: list[Histogram]) -> list[list[float]]:
    return Histograms(histograms).table.tolist()


def without_images(cohort: Cohort) -> None:
    """Nothing can be read of an image from now on, not even its size."""
    shutil.rmtree(cohort.folder / "train_images")


def test_a_cohort_scores_as_its_masks_do(cohort_folder: Path, predictions: Predictions) -> None:
    cohort = Cohort.open(cohort_folder)
    histograms = Histograms(counted(cohort, predictions))
    for case_id, found in zip(histograms.ids, histograms.dice({}, 0.3), strict=True):
        made_from, truth = predictions.read(case_id), cohort.truth(case_id)
        assert made_from is not None
        assert truth is not None
        assert found == dice(to_mask(made_from, 0.3), truth)
    assert histograms.organs == ("kidney", "kidney", "lung", "lung")


def test_a_second_start_reads_no_image(cohort_folder: Path, predictions: Predictions) -> None:
    cohort = Cohort.open(cohort_folder)
    first = counted(cohort, predictions)
    without_images(cohort)
    assert len(first) == 4
    assert table(counted(cohort, predictions)) == table(first)
    assert predictions.ids() == set(IDS)


def test_only_what_has_changed_is_counted_anew(
    cohort_folder: Path, predictions: Predictions
) -> None:
    cohort = Cohort.open(cohort_folder)
    first = counted(cohort, predictions)
    write(predictions, "21", np.zeros((256, 256), np.uint8), in_sample=True)
    again = counted(cohort, predictions)
    changed = [one != other for one, other in zip(table(again), table(first), strict=True)]
    assert changed == [False, False, True, False]
    assert [one.in_sample for one in again] == [False, False, True, False]
    without_images(cohort)
    assert table(counted(cohort, predictions)) == table(again)


def test_another_truth_in_the_csv_is_noticed(cohort_folder: Path, predictions: Predictions) -> None:
    before = counted(Cohort.open(cohort_folder), predictions)
    csv = cohort_folder / "train.csv"
    first_row = csv.read_text().splitlines()[1]
    cells = first_row.split(",")
    csv.write_text(csv.read_text().replace(cells[7], "1 50"))
    after = counted(Cohort.open(cohort_folder), predictions)
    assert after[0].inside.sum() == 50
    assert table(after)[1:] == table(before)[1:]


def test_another_source_of_truth_is_never_mixed_with_the_cohort_s(
    cohort_folder: Path, predictions: Predictions
) -> None:
    cohort = Cohort.open(cohort_folder)
    own = table(counted(cohort, predictions))
    redrawn = {one.id: 1 - one.mask for one in TRAIN}
    other = [*gather(cohort, redrawn.get, predictions, IDS)]
    assert [one.inside.sum() for one in other if isinstance(one, Histogram)] == [
        mask.sum() for mask in redrawn.values()
    ]
    redrawn["11"] = np.ones_like(redrawn["11"])
    later = [*gather(cohort, redrawn.get, predictions, IDS)]
    assert isinstance(later[0], Histogram)
    assert later[0].outside.sum() == 0
    assert table(counted(cohort, predictions)) == own


def test_what_is_done_is_kept_when_it_is_abandoned(
    cohort_folder: Path, predictions: Predictions
) -> None:
    cohort = Cohort.open(cohort_folder)
    gathering = gather(cohort, cohort.truth, predictions, IDS)
    assert [next(gathering).case_id for _ in range(2)] == IDS[:2]  # pyright: ignore
    gathering.close()
    without_images(cohort)
    kinds = [type(one) for one in gather(cohort, cohort.truth, predictions, IDS)]
    assert kinds[:2] == [Histogram, Histogram]
    assert all(issubclass(kind, TrainerError) for kind in kinds[2:])


def test_asking_for_some_forgets_no_others(cohort_folder: Path, predictions: Predictions) -> None:
    cohort = Cohort.open(cohort_folder)
    for case_id in IDS:
        assert len([*gather(cohort, cohort.truth, predictions, [case_id])]) == 1
    without_images(cohort)
    assert [one.case_id for one in counted(cohort, predictions)] == IDS


@pytest.mark.parametrize("damage", ["cut", "text", "foreign", "empty"])
def test_damaged_counts_are_made_anew(
    cohort_folder: Path, predictions: Predictions, damage: str
) -> None:
    cohort = Cohort.open(cohort_folder)
    first = table(counted(cohort, predictions))
    (file,) = predictions.folder.glob("*/*")
    if damage == "foreign":
        np.savez(file, ids=np.array([1]), version=np.array(1))
    else:
        file.write_bytes({"cut": file.read_bytes()[:300], "text": b"no", "empty": b""}[damage])
    assert table(counted(cohort, predictions)) == first
    without_images(cohort)
    assert table(counted(cohort, predictions)) == first


def test_a_folder_that_cannot_be_written_is_no_error(
    cohort_folder: Path, predictions: Predictions
) -> None:
    cohort = Cohort.open(cohort_folder)
    (predictions.folder / "review").write_text("in the way")
    assert len(counted(cohort, predictions)) == 4


def test_one_bad_case_does_not_cost_the_others(
    cohort_folder: Path, predictions: Predictions
) -> None:
    cohort = Cohort.open(cohort_folder)
    write(predictions, "11", np.zeros((40, 40), np.uint8))
    (predictions.folder / "12.npz").write_bytes(b"PK\x03\x04 cut")
    (predictions.folder / "21.npz").unlink()
    found = [*gather(cohort, cohort.truth, predictions, [*IDS, "31"])]
    misfit, damaged, lacking, sound, unlabelled = found
    assert isinstance(sound, Histogram)
    assert "40×40" in str(misfit)
    assert "is damaged" in str(damaged)
    assert "there is no prediction" in str(lacking)
    assert "21" in str(lacking)
    assert isinstance(unlabelled, PredictionError)


def test_a_case_without_a_mask_has_nothing_to_compare_with(
    cohort_folder: Path, predictions: Predictions
) -> None:
    cohort = Cohort.open(cohort_folder)
    write(predictions, "31", np.zeros((280, 280), np.uint8))
    (told,) = gather(cohort, cohort.truth, predictions, ["31"])
    assert "no mask to compare with" in str(told)


def test_folds_are_those_of_the_run(cohort_folder: Path, predictions: Predictions) -> None:
    assert folds_of(predictions) == {}
    rows = ["id,organ,fold", "11,kidney,0", "12,kidney,1", "21,lung,2"]
    (predictions.folder.parent / "folds.csv").write_text("\n".join(rows))
    assert [one.fold for one in counted(Cohort.open(cohort_folder), predictions)] == [0, 1, 2, None]


def test_a_csv_of_someone_else_is_left_alone(predictions: Predictions) -> None:
    (predictions.folder.parent / "folds.csv").write_text("paper,creases\na4,3\n")
    assert folds_of(predictions) == {}


def test_a_damaged_fold_is_named(predictions: Predictions) -> None:
    (predictions.folder.parent / "folds.csv").write_text("id,organ,fold\n11,kidney,0\n12,kidney\n")
    with pytest.raises(SettingsError, match=r"folds\.csv, row 3: the fold is None, wanted"):
        folds_of(predictions)


@pytest.mark.realdata
def test_real_masks_of_every_organ_and_size(real_data: Path, tmp_path: Path) -> None:
    """Predictions of 160 px, as a network would keep them, of images up to seven times that."""
    cohort_folder = tmp_path / "cohort"
    cohort_folder.mkdir()
    for name in ("train.csv", "train_images"):
        (cohort_folder / name).symlink_to(real_data / "hubmap_2022_small" / name)
    cohort = Cohort.open(cohort_folder)
    predictions = Predictions.create(tmp_path / "predictions", {"ensemble": "blurred"})
    for case_id in cohort.cases:
        truth = cohort.truth(case_id)
        assert truth is not None
        blurred = cv2.GaussianBlur(cv2.resize(truth * 255, (160, 160)), (0, 0), 3)
        found = np.asarray(blurred, np.uint8)
        shape = (truth.shape[0], truth.shape[1])
        predictions.write(Prediction(case_id, found, found // 9, shape))
    gathered = [*gather(cohort, cohort.truth, predictions, cohort.cases)]
    histograms = Histograms(one for one in gathered if isinstance(one, Histogram))
    assert len(histograms) == len(cohort.cases) >= 30
    for case_id, found in zip(histograms.ids, histograms.dice({"lung": 0.3}, 0.6), strict=True):
        made, truth = predictions.read(case_id), cohort.truth(case_id)
        assert made is not None
        assert truth is not None
        threshold = 0.3 if cohort.cases[case_id].organ == "lung" else 0.6
        assert found == dice(to_mask(made, threshold), truth)
    assert len(histograms.by_organ(histograms.dice({}, 0.5))) == 5
