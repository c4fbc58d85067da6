"""Thresholds tried on a cohort, with no window at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cohorts import TRAIN, Drawn
from hubmap_viewer import ensemble_file
from hubmap_viewer.counts import count, first_of
from hubmap_viewer.loading import load
from hubmap_viewer.scores import score
from hubmap_viewer.session import Session
from hubmap_viewer.what_if import WhatIf, advised
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import SettingsError
from trainer.locate import resource
from trainer.metrics import dice
from trainer.predict.fingerprint import fingerprint
from trainer.predict.postprocess import to_mask
from trainer.settings import Ensemble, read_ensemble, to_yaml

SEEN = "22"


def soft(case: Drawn, blur: float = 5) -> Prediction:
    """A prediction that is right but for its edges."""
    small = cv2.resize(255 * case.mask, (96, 96), interpolation=cv2.INTER_AREA)
    levels = np.asarray(cv2.GaussianBlur(small, (0, 0), blur), np.uint8)
    return Prediction(case.id, levels, levels // 4, case.shape, case.id == SEEN)


@pytest.fixture
def ensemble(tmp_path: Path) -> Path:
    """The YAML of an ensemble whose weights are but a few bytes."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.safetensors").write_bytes(b"weights")
    (folder / "a.json").write_text("{}")
    made = Ensemble.model_validate(
        {"name": "mine", "members": [{"weights": "a.safetensors"}], "thresholds": {"lung": 0.4}}
    )
    (folder / "mine.yaml").write_text(to_yaml(made))
    return folder / "mine.yaml"


@pytest.fixture
def predictions(cohort_folder: Path, ensemble: Path) -> Predictions:
    """What the ensemble said of the tiny cohort; it has seen case 22 in training."""
    read = read_ensemble(ensemble)
    described = {
        "ensemble": read.name,
        "fingerprint": fingerprint(read, ensemble.parent),
        "threshold": read.threshold,
        "thresholds": dict(read.thresholds),
    }
    made = Predictions.create(cohort_folder / "predictions" / "mine", described)
    for case in TRAIN:
        made.write(soft(case))
    return made


@pytest.fixture
def session(cohort_folder: Path) -> Iterator[Session]:
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(Cohort.open(cohort_folder))
    yield session
    session.close()


@pytest.fixture
def model(session: Session, predictions: Predictions) -> WhatIf:
    """The model with all cases counted and scored."""
    model = WhatIf(session)
    session.use_predictions(predictions)
    score_all(session)
    counted(model)
    return model


def counted(model: WhatIf) -> None:
    predictions = model.session.predictions
    assert predictions is not None
    steps = list(count(model.session.sources.cohort, predictions))
    model.put(predictions.folder, (step.found for step in steps))


def score_all(session: Session) -> None:
    for case in TRAIN:
        session.put_scores(case.id, score(session.sources, case.id))


def truly(case: Drawn, threshold: float) -> float:
    return dice(to_mask(soft(case), threshold), case.mask)


def test_a_tried_threshold_scores_every_case_of_its_organ(model: WhatIf) -> None:
    model.move({"lung": 0.7})
    scores = model.session.scores
    assert [scores[case.id].prediction for case in TRAIN] == [
        truly(case, 0.7 if case.organ == "lung" else 0.5) for case in TRAIN
    ]


def test_the_open_case_follows(model: WhatIf) -> None:
    model.session.want("21")
    model.move({"lung": 0.8})
    here = model.session.open
    assert here is not None
    assert here.predicted is not None
    assert np.array_equal(here.predicted.mask, to_mask(soft(TRAIN[2]), 0.8))
    assert here.scores.prediction == model.session.scores["21"].prediction


def test_a_case_that_opens_later_opens_at_the_tried_threshold(model: WhatIf) -> None:
    session = model.session
    session.wanted = "21"
    late = load(session.sources, "21")
    model.move({"lung": 0.8})
    session.put(late)
    assert session.open is not None
    assert session.open.predicted is not None
    assert session.open.predicted.threshold == 0.8


def test_what_no_histogram_knows_is_blank_until_the_way_back(model: WhatIf) -> None:
    before = dict(model.session.scores)
    assert before["21"].losses
    model.move({"lung": 0.8})
    tried = model.session.scores["21"]
    assert (tried.confidence, tried.losses, tried.findings) == (None, {}, None)
    model.reset()
    assert model.session.scores == before


def test_the_open_case_too_gets_back_what_no_histogram_knows(model: WhatIf) -> None:
    model.session.want("21")
    before = model.session.scores["21"]
    assert before.losses
    for threshold in (0.8, 0.6):
        model.move({"lung": threshold})
        assert model.session.open_findings("21") is None
    model.reset()
    assert model.session.scores["21"] == before


def test_a_score_that_was_still_on_its_way_does_not_undo_the_move(model: WhatIf) -> None:
    late = score(model.session.sources, "21")
    model.move({"lung": 0.8})
    model.session.put_scores("21", late)
    assert model.session.scores["21"].prediction == truly(TRAIN[2], 0.8)


def test_cases_seen_in_training_are_in_no_mean(model: WhatIf) -> None:
    model.move({"lung": 0.7})
    row = next(row for row in model.rows() if row.organ == "lung")
    assert model.seen_in_training == 1
    assert row.cases == 1
    assert row.before is not None
    assert row.now is not None
    assert row.before.mean == truly(TRAIN[2], 0.4)
    assert row.gain == truly(TRAIN[2], 0.7) - truly(TRAIN[2], 0.4)


def test_an_organ_with_only_seen_cases_has_no_mean(
    session: Session, predictions: Predictions
) -> None:
    for case in TRAIN[2:]:
        seen = soft(case)
        predictions.write(replace(seen, in_sample=True))
    model = WhatIf(session)
    session.use_predictions(predictions)
    counted(model)
    lung = model.rows()[1]
    assert (lung.organ, lung.cases, lung.gain) == ("lung", 0, None)
    assert "lung" not in model.best


def test_best_keeps_the_ensembles_own_where_more_is_noise(model: WhatIf) -> None:
    noise = model.best["lung"]
    assert noise.within_noise  # one case, nothing to hold out
    assert noise.reference == model.own("lung") == 0.4
    model.move_to_best(model.organs)
    assert model.session.threshold_for("lung") == 0.4
    assert model.session.threshold_for("kidney") == advised(model.best["kidney"])


def test_own_thresholds_are_not_tried_ones(model: WhatIf) -> None:
    model.move({"lung": 0.7, "kidney": 0.5})
    assert model.unapplied == {"lung": 0.7}
    model.move({"lung": 0.4})
    assert model.session.thresholds == {}


def test_what_was_tried_comes_back_with_its_predictions(
    model: WhatIf, session: Session, cohort_folder: Path
) -> None:
    model.move({"lung": 0.7})
    predictions = session.predictions
    assert predictions is not None
    session.open_cohort(Cohort.open(cohort_folder))
    assert session.thresholds == {}
    told: list[str] = []
    session.told.connect(lambda words: told.append(str(words)))
    session.use_predictions(predictions)
    assert model.unapplied == {"lung": 0.7}
    assert told == ["Tried thresholds are on that are not applied yet: lung 0.70."]


def test_a_damaged_note_of_what_was_tried_is_no_problem(
    session: Session, predictions: Predictions
) -> None:
    note = predictions.folder / "review" / "tried.json"
    note.parent.mkdir()
    note.write_text('{"lung": "much"')
    session.use_predictions(predictions)
    assert WhatIf(session).unapplied == {}


def test_counts_of_other_predictions_are_dropped(model: WhatIf, predictions: Predictions) -> None:
    model.put(predictions.folder.parent / "other", [])
    assert len(model.histograms) == 4


def test_a_case_that_cannot_be_counted_is_told_and_counted_once(
    session: Session, predictions: Predictions
) -> None:
    (predictions.folder / "11.npz").write_bytes(b"no")
    model = WhatIf(session)
    session.use_predictions(predictions)
    assert model.needs_counting
    counted(model)
    assert "11" in first_of(model.problems)
    assert "is damaged" in first_of(model.problems)
    assert not model.needs_counting


def test_applied_thresholds_are_in_the_file_and_with_the_predictions(
    model: WhatIf, ensemble: Path, cohort_folder: Path
) -> None:
    predictions = model.session.predictions
    assert predictions is not None
    model.move({"lung": 0.7})
    file = ensemble_file.chosen(cohort_folder, predictions, ensemble)
    assert file.name == "mine.yaml"
    model.applied(ensemble_file.write(file, predictions, model.unapplied))
    assert read_ensemble(ensemble).thresholds == {"lung": 0.7}
    assert model.unapplied == {}
    assert model.session.threshold_for("lung") == 0.7
    assert Predictions.open(predictions.folder).threshold_for("lung") == 0.7
    assert model.session.scores["21"].prediction == truly(TRAIN[2], 0.7)
    assert WhatIf(model.session).unapplied == {}


def test_the_file_is_found_by_its_weights_not_by_its_name(
    predictions: Predictions, ensemble: Path, cohort_folder: Path
) -> None:
    folder = cohort_folder / "ensembles"
    folder.mkdir()
    other = read_ensemble(ensemble).model_copy(update={"tta": ("identity", "hflip")})
    for file in ensemble.parent.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "a-first.yaml").write_text(to_yaml(other))
    found = ensemble_file.find(cohort_folder, predictions)
    assert found is not None
    assert found.path == folder / "mine.yaml"


def test_a_runs_own_file_is_found(
    predictions: Predictions, ensemble: Path, cohort_folder: Path
) -> None:
    run = cohort_folder / "runs" / "first"
    run.mkdir(parents=True)
    for file in ensemble.parent.iterdir():
        name = "ensemble.yaml" if file.suffix == ".yaml" else file.name
        (run / name).write_bytes(file.read_bytes())
    predictions.folder.rename(run / "oof")
    found = ensemble_file.find(cohort_folder, Predictions.open(run / "oof"))
    assert found is not None
    assert (found.path, found.name) == (run / "ensemble.yaml", "first/ensemble.yaml")


def test_another_ensembles_file_is_refused(
    predictions: Predictions, ensemble: Path, cohort_folder: Path
) -> None:
    (ensemble.parent / "a.safetensors").write_bytes(b"others")
    assert ensemble_file.find(cohort_folder, predictions) is None
    with pytest.raises(SettingsError, match="is not the ensemble that made mine; choose the file"):
        ensemble_file.chosen(cohort_folder, predictions, ensemble)


def test_a_bundled_ensemble_is_copied_so_that_it_still_loads(
    predictions: Predictions, cohort_folder: Path
) -> None:
    bundled = resource("demo/ensemble/ensemble.yaml")
    before = bundled.read_bytes()
    made = read_ensemble(bundled)
    described = {"ensemble": "demo", "fingerprint": fingerprint(made, bundled.parent)}
    demo = Predictions.create(cohort_folder / "predictions" / "demo", described)
    found = ensemble_file.find(cohort_folder, demo)
    assert found is not None
    assert found.path == cohort_folder / "ensembles" / "demo.yaml"
    after = ensemble_file.write(found, demo, {"lung": 0.61})
    assert bundled.read_bytes() == before
    assert after.threshold_for("lung") == 0.61
    copy = read_ensemble(found.path)
    assert copy.thresholds == {**made.thresholds, "lung": 0.61}
    assert fingerprint(copy, found.path.parent) == described["fingerprint"]
    again = ensemble_file.find(cohort_folder, after)
    assert again is not None
    assert again.source == found.path


def test_data_sources_keep_their_thresholds_until_another_is_tried(
    session: Session, predictions: Predictions, ensemble: Path, cohort_folder: Path
) -> None:
    told = {"source_thresholds": {"lung": {"HPA": 0.8}, "kidney": {"HPA": 0.9}}}
    described = Predictions.create(predictions.folder, predictions.description | told)
    model = WhatIf(session)
    session.use_predictions(described)
    score_all(session)
    counted(model)

    def shown() -> list[float | None]:
        return [session.scores[case.id].prediction for case in TRAIN]

    own = {"lung": 0.8, "kidney": 0.9}
    assert shown() == [truly(case, own[case.organ]) for case in TRAIN]
    model.move({"lung": 0.3})
    now = own | {"lung": 0.3}
    assert shown() == [truly(case, now[case.organ]) for case in TRAIN]
    assert {row.organ: row.cases for row in model.rows()} == {"kidney": 2, "lung": 1}
    file = ensemble_file.chosen(cohort_folder, described, ensemble)
    model.applied(ensemble_file.write(file, described, model.unapplied))
    after = Predictions.open(predictions.folder).masking
    assert after.threshold_for("lung", "HPA") == 0.3
    assert after.threshold_for("kidney", "HPA") == 0.9


def test_without_a_cohort_there_is_nothing_to_try() -> None:
    assert WhatIf(Session()).rows() == []
