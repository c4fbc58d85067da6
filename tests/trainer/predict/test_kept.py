from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.data.predictions import Predictions
from trainer.predict.ensemble import Predictor
from trainer.predict.fingerprint import fingerprint
from trainer.predict.kept import begin, folder_for
from trainer.settings import Ensemble, Member, PostProcessing

MakeMember = Callable[..., Member]


@pytest.mark.parametrize("name", ["../../evil", "/etc", "a\\b", "..", "", "x" * 300, "é 漢字"])
def test_predictions_stay_in_the_cohort_whatever_the_ensemble_is_called(
    member: MakeMember, tmp_path: Path, name: str
) -> None:
    predictor = Predictor(Ensemble(name=name, members=(member(says=0.5),)), tmp_path, "cpu")
    cohort = tmp_path / "cohort"
    folder = folder_for(cohort, predictor)
    begin(folder, predictor)
    assert folder.resolve().parent == (cohort / "predictions").resolve()
    assert [path.name for path in (cohort / "predictions").iterdir()] == [folder.name]


def test_another_name_for_the_eye_has_its_own_folder(member: MakeMember, tmp_path: Path) -> None:
    one = member(says=0.5)
    folders = {
        folder_for(tmp_path, Predictor(Ensemble(name=name, members=(one,)), tmp_path, "cpu"))
        for name in ("first", "second one")
    }
    assert {folder.name.rsplit("-", 1)[0] for folder in folders} == {"first", "second one"}


STEPS = {"lung": PostProcessing.model_validate({"erode": 2, "min_area": {"share": 0.01}})}


def test_the_folder_says_how_its_masks_are_made(member: MakeMember, tmp_path: Path) -> None:
    ensemble = Ensemble(
        name="mine",
        members=(member(says=0.5),),
        source_thresholds={"lung": {"HPA": 0.3}},
        postprocess=STEPS,
    )
    begin(tmp_path / "p", Predictor(ensemble, tmp_path, "cpu"))
    assert Predictions.open(tmp_path / "p").masking == ensemble.masking


def test_a_crf_makes_other_probabilities_and_steps_do_not(
    member: MakeMember, tmp_path: Path
) -> None:
    plain = Ensemble(name="mine", members=(member(says=0.5),))
    crf = {"default": PostProcessing.model_validate({"crf": True})}
    made = [
        fingerprint(plain.model_copy(update={"postprocess": steps}), tmp_path)
        for steps in ({}, STEPS, crf)
    ]
    assert made[0] == made[1] != made[2]
