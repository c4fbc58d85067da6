from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer.data.case import Prediction
from trainer.data.predictions import Predictions
from trainer.errors import PredictionError

if TYPE_CHECKING:
    from conftest import Disk

DESCRIPTION = {
    "ensemble": "first",
    "fingerprint": "a1",
    "threshold": 0.4,
    "thresholds": {"lung": 0.1},
}


def names(folder: Path) -> list[str]:
    """Of all that a folder holds, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def prediction(case_id: str = "17", seed: int = 0, in_sample: bool = False) -> Prediction:
    random = np.random.default_rng(seed)
    arrays = (random.integers(0, 256, (96, 128), np.uint8) for _ in range(2))
    return Prediction(case_id, *arrays, (300, 400), in_sample)


def same(a: Prediction | None, b: Prediction) -> bool:
    return (
        a is not None
        and (a.case_id, a.shape, a.in_sample) == (b.case_id, b.shape, b.in_sample)
        and np.array_equal(a.probability, b.probability)
        and np.array_equal(a.disagreement, b.disagreement)
    )


@pytest.mark.parametrize("in_sample", [True, False])
def test_a_prediction_comes_back(tmp_path: Path, in_sample: bool):
    Predictions.create(tmp_path / "new" / "p", DESCRIPTION).write(prediction(in_sample=in_sample))
    again = Predictions.open(tmp_path / "new" / "p")
    assert same(again.read("17"), prediction(in_sample=in_sample))
    assert again.ids() == {"17"}
    assert again.description == DESCRIPTION
    assert again.read("18") is None


def test_thresholds(tmp_path: Path):
    predictions = Predictions.create(tmp_path, DESCRIPTION)
    assert predictions.threshold_for("lung") == 0.1
    assert predictions.threshold_for("kidney") == 0.4


def test_a_later_prediction_takes_the_earlier_s_place(tmp_path: Path):
    predictions = Predictions.create(tmp_path, DESCRIPTION)
    for seed in (1, 2):
        predictions.write(prediction(seed=seed))
    assert same(predictions.read("17"), prediction(seed=2))
    assert names(tmp_path) == ["17.npz", "prediction.json"]


def test_the_same_ensemble_goes_on(tmp_path: Path):
    Predictions.create(tmp_path, DESCRIPTION).write(prediction())
    assert Predictions.create(tmp_path, DESCRIPTION | {"device": "cpu"}).ids() == {"17"}


def test_another_ensemble_s_predictions_are_not_mixed_in(tmp_path: Path):
    Predictions.create(tmp_path, DESCRIPTION).write(prediction())
    with pytest.raises(PredictionError, match="holds predictions of another ensemble; choose"):
        Predictions.create(tmp_path, DESCRIPTION | {"fingerprint": "b2"})
    assert Predictions.open(tmp_path).description == DESCRIPTION


def test_a_folder_without_predictions(tmp_path: Path):
    with pytest.raises(PredictionError, match=r"there is no prediction\.json; name a folder"):
        Predictions.open(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", "\0"])
def test_a_damaged_description(tmp_path: Path, text: str):
    (tmp_path / "prediction.json").write_text(text)
    with pytest.raises(PredictionError, match=r"prediction\.json: "):
        Predictions.open(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "pickle", "key"])
def test_a_damaged_prediction(tmp_path: Path, damage: str):
    predictions = Predictions.create(tmp_path, DESCRIPTION)
    predictions.write(prediction())
    path = tmp_path / "17.npz"
    if damage == "pickle":
        np.savez(path, probability=np.array([{}], object), disagreement=0, shape=[1, 1])
    elif damage == "key":
        np.savez(path, probability=np.zeros(3))
    else:
        data = path.read_bytes()
        path.write_bytes({"cut": data[:-40], "empty": b"", "text": b"text"}[damage])
    with pytest.raises(PredictionError, match=r"17\.npz, case 17: is damaged; delete it and pred"):
        predictions.read("17")


@pytest.mark.parametrize("seed", range(30))
def test_changed_bytes_are_read_or_refused_but_never_worse(tmp_path: Path, seed: int):
    predictions = Predictions.create(tmp_path, DESCRIPTION)
    predictions.write(prediction())
    random = np.random.default_rng(seed)
    data = np.fromfile(tmp_path / "17.npz", np.uint8)
    data[random.integers(0, data.size, 3)] = random.integers(0, 256, 3)
    data.tofile(tmp_path / "17.npz")
    try:
        predictions.read("17")
    except PredictionError as error:
        assert "17.npz, case 17: is damaged" in str(error)


@pytest.mark.parametrize(
    "description",
    [{"threshold": "a"}, {"threshold": None}, {"threshold": 1}, {"thresholds": [1]},
     {"thresholds": {"lung": "high"}}],
)  # fmt: skip
def test_thresholds_that_are_none(tmp_path: Path, description: dict):
    Predictions.create(tmp_path, description)
    with pytest.raises(PredictionError, match=r"prediction\.json: holds no description.*; delete"):
        Predictions.open(tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"probability": np.zeros((3, 4))}, {"probability": np.zeros((96, 128, 1), np.uint8)},
     {"probability": np.zeros((0, 4), np.uint8), "disagreement": np.zeros((0, 4), np.uint8)},
     {"disagreement": np.zeros((3, 4), np.uint8)}, {"shape": np.array([10**6, 10**6])},
     {"shape": np.array([300, 0])}, {"shape": np.array([300])}],
)  # fmt: skip
def test_arrays_that_are_no_prediction(tmp_path: Path, change: dict):
    predictions = Predictions.create(tmp_path, DESCRIPTION)
    predictions.write(prediction())
    with np.load(tmp_path / "17.npz") as arrays:
        sound = dict(arrays)
    np.savez(tmp_path / "17.npz", **sound | change)
    with pytest.raises(PredictionError, match="case 17: is damaged; delete it and predict anew"):
        predictions.read("17")


def test_disk_full_keeps_the_earlier(disk: Disk):
    predictions = Predictions.create(disk.folder / "p", DESCRIPTION)
    predictions.write(prediction(seed=1))
    disk.fill(leave=8192)
    with pytest.raises(PredictionError, match=r"17\.npz: cannot be written \(no space left"):
        predictions.write(prediction(seed=2))
    assert same(predictions.read("17"), prediction(seed=1))
    assert names(disk.folder / "p") == ["17.npz", "prediction.json"]


def test_a_forbidden_folder(forbidden_folder: Path):
    with pytest.raises(PredictionError, match=r"permission denied.*; choose a folder that you may"):
        Predictions.create(forbidden_folder / "p", DESCRIPTION)


def test_the_description_is_plain_json(tmp_path: Path):
    Predictions.create(tmp_path, DESCRIPTION | {"device": "µ"})
    assert json.loads((tmp_path / "prediction.json").read_text("utf-8"))["device"] == "µ"


def test_post_processing_comes_back_and_older_descriptions_have_none(tmp_path: Path):
    steps = {"default": {"fill_holes": True}, "lung": {"erode": 2}}
    told = {"postprocess": steps, "source_thresholds": {"lung": {"HPA": 0.2}}}
    Predictions.create(tmp_path / "new", DESCRIPTION | told)
    masking = Predictions.open(tmp_path / "new").masking
    assert masking.steps_for("lung").fill_holes
    assert masking.steps_for("lung").erode == 2
    assert masking.threshold_for("lung", "HPA") == 0.2
    Predictions.create(tmp_path / "old", DESCRIPTION)
    assert not Predictions.open(tmp_path / "old").masking.changes_masks


@pytest.mark.parametrize(
    "told",
    [{"postprocess": 3}, {"postprocess": {"lung": {"erode": -1}}},
     {"postprocess": {"lung": {"sharpen": True}}}, {"source_thresholds": {"lung": {"HPA": 1}}}],
)  # fmt: skip
def test_post_processing_that_cannot_be_is_refused_in_one_sentence(tmp_path: Path, told: dict):
    Predictions.create(tmp_path, DESCRIPTION | told)
    with pytest.raises(PredictionError) as caught:
        Predictions.open(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'prediction.json'}: holds no description of predictions;"
        " delete its folder and predict anew."
    )
