from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.predict.ensemble import Predictor
from trainer.predict.kept import begin, folder_for
from trainer.settings import Ensemble, Member

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
