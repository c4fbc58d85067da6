"""Weights that were tried: written to the ensemble, or kept beside its predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hubmap_viewer import ensemble_file, tried_weights
from hubmap_viewer.ensemble_file import EnsembleFile
from hubmap_viewer.members import Members, MixAll
from hubmap_viewer.mix import ensemble_of
from mixing_bench import Bench, listed, shown
from trainer.data.predictions import Predictions
from trainer.errors import SettingsError
from trainer.predict.fingerprint import fingerprint
from trainer.settings import read_ensemble, to_yaml


def test_weights_are_written_and_the_others_wait_to_be_mixed(model: Members, bench: Bench) -> None:
    assert model.why_not_write == "No weight differs from the ensemble's own."
    assert not model.is_outdated
    model.weigh(0, 0.5)
    model.switch(2, False)
    assert model.write() == "mine.yaml now says: a weighs 0.5, run fold 1 is left out."
    written = read_ensemble(bench.file)
    assert [(one.source, one.weight) for one in written.members] == [
        ("a.safetensors", 0.5),
        ("run fold 0", 1.0),
    ]
    assert written.threshold == 0.4
    assert model.is_outdated
    assert model.unwritten == []
    wishes: list[MixAll] = []
    model.mix_wanted.connect(wishes.append)
    model.mix_all()
    assert wishes == [MixAll(bench.file, bench.out, tuple(bench.cohort.cases))]
    # the window of tomorrow still knows whose predictions these are, and that they are old
    later = listed(model.session)
    later._follow()
    assert later.found is not None
    assert not later.found.is_theirs
    assert later.is_outdated


def test_what_was_tried_and_not_written_comes_back_with_its_predictions(model: Members) -> None:
    session = model.session
    model.weigh(1, 9.0)
    model.only_organ = True
    model.weigh(0, 4.0)
    model.switch(2, False)
    session.leaving.emit()
    told: list[object] = []
    session.told.connect(told.append)
    later = listed(session)
    later._follow()
    assert later.tried.settings == model.tried.settings
    assert told == [
        "Tried weights are on that are not written yet: a weighs 2, 4 for kidney,"
        " run fold 0 weighs 9, run fold 1 weighs 1, 0 for kidney."
    ]
    later.reset()
    later.keep()
    third = listed(session)
    third._follow()
    assert third.tried.changed() == []


def test_a_member_that_is_off_comes_back_off_with_its_weight(model: Members) -> None:
    model.weigh(2, 7.0)
    model.switch(2, False)
    model.keep()
    later = listed(model.session)
    later._follow()
    assert [row.on for row in later.rows()] == [True, True, False]
    later.switch(2, True)
    assert later.rows()[2].weight == 7.0


def test_written_weights_are_not_tried_ones_and_what_comes_after_them_is(model: Members) -> None:
    model.switch(1, False)
    model.write()
    later = listed(model.session)
    later._follow()
    assert later.tried.changed() == []
    model.weigh(0, 5.0)
    model.keep()
    last = listed(model.session)
    last._follow()
    # the file has two members by now
    assert [(row.name, row.weight) for row in last.rows()] == [
        ("a.safetensors", 5.0),
        ("run fold 1", 1.0),
    ]
    assert last.tried.changed() == [0]


def test_other_predictions_begin_with_their_own_weights(model: Members, bench: Bench) -> None:
    """And the first ones have theirs when they are shown again."""
    session = model.session
    other = bench.out.with_name("other")
    bench.predict(bench.file, other)
    model.weigh(0, 5.0)
    session.use_predictions(Predictions.open(other))
    assert model.tried.changed() == []
    session.use_predictions(Predictions.open(bench.out))
    assert model.rows()[0].weight == 5.0


def test_a_damaged_note_of_tried_weights_is_no_problem(model: Members, bench: Bench) -> None:
    model.weigh(0, 5.0)
    model.keep()
    (bench.out / tried_weights.FILE).write_text('[{"name": "a.safetensors", "weight": "x"}]')
    later = listed(model.session)
    later._follow()
    assert later.tried.changed() == []


def test_where_nothing_can_be_written_the_mix_goes_on(model: Members, bench: Bench) -> None:
    (bench.out / "review").write_text("a file where the folder should be")
    told: list[object] = []
    model.session.told.connect(told.append)
    before = shown(model)
    model.weigh(0, 5.0)
    model.keep()
    assert not np.array_equal(shown(model).probability, before.probability)
    assert "cannot be written" in str(told[0])


def test_after_new_weights_the_file_is_still_that_of_the_predictions(
    model: Members, bench: Bench
) -> None:
    """What if writes thresholds to it before all cases are mixed anew."""
    predictions = model.session.predictions
    assert predictions is not None
    model.weigh(0, 0.5)
    model.write()
    found = ensemble_file.find(bench.cohort.folder, predictions)
    assert found is not None
    assert found == EnsembleFile(bench.file, bench.file)
    assert found == ensemble_file.chosen(bench.cohort.folder, predictions, bench.file)
    ensemble_file.write(found, predictions, {"kidney": 0.6})
    written = read_ensemble(bench.file)
    assert (written.members[0].weight, written.thresholds) == (0.5, {"kidney": 0.6})
    # once it says something else it is another's
    bench.file.write_text(to_yaml(written.model_copy(update={"tta": ("identity", "hflip")})))
    assert ensemble_file.find(bench.cohort.folder, predictions) is None


def test_weights_and_thresholds_go_to_one_copy_of_an_ensemble_that_came_with_the_program(
    model: Members, bench: Bench
) -> None:
    """Both docks looked for the file before there was a copy."""
    predictions = model.session.predictions
    assert predictions is not None
    copy = EnsembleFile(bench.file, bench.cohort.folder / "copies" / "mine.yaml")
    ensemble = ensemble_of(bench.panel, (None, *bench.panel.settings[1:]))
    ensemble_file.write_members(copy, ensemble)
    ensemble_file.write(copy, predictions, {"kidney": 0.6})
    ensemble_file.write_members(copy, bench.ensemble)
    written = read_ensemble(copy.path)
    assert [Path(one.source.split(" fold")[0]).name for one in written.members] == [
        "a.safetensors",
        "run",
    ]
    assert written.thresholds == {"kidney": 0.6}
    ensemble_file.write_members(copy, ensemble)
    ensemble_file.write(copy, predictions, {"lung": 0.7})
    assert len(read_ensemble(copy.path).members) == 1


def test_the_last_member_cannot_be_written_away(model: Members) -> None:
    for place in range(3):
        model.switch(place, False)
    assert "no member" in model.problem
    assert model.why_not_write == "No member is left."


def test_an_ensemble_that_came_with_the_program_is_written_as_a_copy(
    bench: Bench, cohort_folder: Path
) -> None:
    file = EnsembleFile(bench.file, cohort_folder / "copies" / "mine.yaml")
    path = ensemble_file.write_members(file, bench.ensemble)
    assert fingerprint(read_ensemble(path), path.parent) == fingerprint(bench.ensemble, bench.base)
    assert read_ensemble(bench.file) == bench.ensemble


def test_a_file_that_is_gone_is_told(model: Members, bench: Bench) -> None:
    model.weigh(0, 0.5)
    bench.file.unlink()
    with pytest.raises(SettingsError, match=r"mine\.yaml"):
        model.write()
