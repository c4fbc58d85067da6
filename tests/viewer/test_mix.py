"""Members mixed by hand, with no window and no network: the same bytes as `predict` writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cohorts import TRAIN
from hubmap_viewer import ensemble_file, tried_weights
from hubmap_viewer.ensemble_file import EnsembleFile
from hubmap_viewer.finding_list import Call
from hubmap_viewer.loading import load
from hubmap_viewer.member_words import state
from hubmap_viewer.members import Members, MixAll
from hubmap_viewer.mix import Tried, alone, ensemble_of, mix
from hubmap_viewer.preview import Preview
from hubmap_viewer.refining import Refining
from hubmap_viewer.session import Session
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.opinions import KeptOpinions, Opinions
from trainer.data.predictions import Predictions
from trainer.data.store import Start
from trainer.errors import SettingsError
from trainer.metrics import dice
from trainer.model.described import Checkpoint
from trainer.predict.asking import Panel
from trainer.predict.fingerprint import fingerprint
from trainer.predict.fusion import Levels
from trainer.predict.postprocess import to_mask
from trainer.settings import DenseCrf, Ensemble, Member, Network, read_ensemble, to_yaml

SIZES = ((96, 96), (64, 64), (80, 80))
SEEN = "22"
"""The case that the last member has seen in training."""


def call(function: Callable[[], Any], then: Callable[[Any], None], failed: Any) -> None:
    """A background call, done here and now."""
    try:
        result = function()
    except Exception as error:  # noqa: BLE001
        failed(error)
    else:
        then(result)


def in_this_process(
    cohort: Path, case_id: str, levels: Levels, crf: DenseCrf, cancelled: Callable[[], bool]
) -> Levels:
    """What the window has another process do, done here and now."""
    from trainer.predict.crf import refine_levels

    return refine_levels(levels, Cohort.open(cohort).image(case_id), crf, "cpu", cancelled)


def listed(session: Session, background: Call = call) -> Members:
    """The list of members as a window has it."""
    return Members(session, call, Preview(session, call), Refining(in_this_process, background))


class Bench:
    """A cohort, an ensemble of a file and of a run's two folds, and what they said."""

    def __init__(self, folder: Path, **said: Any) -> None:
        self.cohort = Cohort.open(folder)
        self.base = folder / "ensembles"
        network = Network.model_validate({"encoder": "mobilenetv3_small_050", "pretrained": False})
        seen = {SEEN: self.cohort.digest(SEEN)}
        for number, place in enumerate(("a.safetensors", "run/fold0", "run/fold1")):
            path = self.base / place
            path = path if path.suffix else path / "weights.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"weights {number}".encode())
            twin = Checkpoint(network=network, size=64, trained_on=seen if number == 2 else {})
            path.with_suffix(".json").write_text(twin.model_dump_json())
        members = [{"weights": "a.safetensors", "weight": 2.0}, {"run": "run"}]
        self.file = self.base / "mine.yaml"
        told = {"name": "mine", "members": members, "threshold": 0.4, **said}
        self.file.write_text(to_yaml(Ensemble.model_validate(told)))
        self.ensemble = read_ensemble(self.file)
        self.panel = Panel.open(self.ensemble, self.base)
        self.out = folder / "predictions" / "mine"

    def opinions(self, case_id: str) -> Opinions:
        """What each member said: random, and each at its own resolution."""
        case = self.cohort.cases[case_id]
        shape, digest = self.cohort.image(case_id).shape[:2], self.cohort.digest(case_id)
        levels, names = {}, {}
        random = np.random.default_rng(int(case_id))
        for place, member in enumerate(self.panel.settings):
            settings: list[Member | None] = [None] * 3
            settings[place] = member.model_copy(update={"organs": (), "weight": 1.0})
            ((part,), _) = self.panel.parts((shape[0], shape[1]), digest, case, {}, settings)
            levels[part.key] = random.integers(0, 256, SIZES[place], np.uint8)
            names[part.key] = self.panel.members[place].name
        status = case.image_path.stat()
        stamp = f"{status.st_size} {status.st_mtime_ns}"
        return Opinions(stamp, digest, (shape[0], shape[1]), levels, names)

    def predict(self, file: Path, out: Path) -> dict[str, Prediction]:
        """What the engine makes of the kept members; no network is there to be run."""
        from trainer.predict.ensemble import Predictor
        from trainer.predict.kept import begin
        from trainer.predict.running import predict_cohort

        kept = KeptOpinions(out)
        kept.begin()
        for case_id in self.cohort.cases:
            kept.write(case_id, self.opinions(case_id))
        with Predictor(read_ensemble(file), file.parent, "cpu") as predictor:
            predictions = begin(out, predictor)
            steps = list(predict_cohort(self.cohort, self.cohort.cases, predictor, predictions))
            assert not [step.error for step in steps if step.error]
            assert not predictor._networks._loaded
        found = {case_id: predictions.read(case_id) for case_id in self.cohort.cases}
        return {case_id: one for case_id, one in found.items() if one is not None}


@pytest.fixture
def bench(cohort_folder: Path) -> Bench:
    return Bench(cohort_folder)


def heavier(tried: Tried) -> None:
    tried.weigh(0, 0.35, "kidney", only=False)
    tried.weigh(2, 3.3, "lung", only=True)


def fewer(tried: Tried) -> None:
    tried.switch(1, False, "kidney", only=False)
    tried.switch(0, False, "lung", only=True)


@pytest.mark.parametrize("change", [heavier, fewer])
@pytest.mark.parametrize(
    "said", [{}, {"fusion": "geometric"}, {"fusion": "vote", "votes": {"lung": 1}}]
)
def test_a_mix_is_what_predict_makes_of_it_to_the_byte(
    cohort_folder: Path, tmp_path: Path, said: dict[str, Any], change: Callable[[Tried], None]
) -> None:
    bench = Bench(cohort_folder, **said)
    tried = Tried(bench.panel.settings)
    change(tried)
    mixed = {
        case_id: mix(bench.panel, tried.settings, bench.opinions(case_id), case).prediction
        for case_id, case in bench.cohort.cases.items()
    }
    path = ensemble_file.write_members(
        EnsembleFile(bench.file, bench.file), ensemble_of(bench.panel, tried.settings)
    )
    made = bench.predict(path, tmp_path / "out")
    assert made.keys() == mixed.keys() == {"11", "12", "21", "22", "31"}
    for case_id, one in mixed.items():
        assert one is not None
        assert np.array_equal(one.probability, made[case_id].probability)
        assert np.array_equal(one.disagreement, made[case_id].disagreement)
        assert (one.shape, one.in_sample) == (made[case_id].shape, made[case_id].in_sample)


def test_a_run_whose_folds_differ_is_named_fold_by_fold(bench: Bench) -> None:
    tried = Tried(bench.panel.settings)
    assert ensemble_of(bench.panel, tried.settings) == bench.ensemble
    tried.weigh(1, 4.0, "kidney", only=False)
    members = ensemble_of(bench.panel, tried.settings).members
    assert [(one.source, one.weight) for one in members] == [
        ("a.safetensors", 2.0),
        ("run fold 0", 4.0),
        ("run fold 1", 1.0),
    ]
    tried.switch(2, False, "kidney", only=False)
    assert [one.source for one in ensemble_of(bench.panel, tried.settings).members] == [
        "a.safetensors",
        "run fold 0",
    ]


def test_a_member_comes_back_with_the_weight_it_had(bench: Bench) -> None:
    tried = Tried(bench.panel.settings)
    tried.switch(0, False, "kidney", only=True)
    assert not tried.is_on(0, "kidney")
    assert tried.is_on(0, "lung")
    assert tried.weight(0, "kidney") == 2.0
    tried.switch(0, True, "kidney", only=True)
    assert tried.changed() == []
    tried.switch(0, False, "kidney", only=False)
    assert not tried.is_on(0, "lung")
    tried.switch(0, True, "lung", only=False)
    assert tried.changed() == []


# -- the list ------------------------------------------------------------------------------


@pytest.fixture
def session(cohort_folder: Path) -> Iterator[Session]:
    session = Session()
    session.open_cohort(Cohort.open(cohort_folder))
    yield session
    session.close()


@pytest.fixture
def model(session: Session, bench: Bench) -> Members:
    """All cases predicted with their members kept; the first one open."""
    bench.predict(bench.file, bench.out)
    model = listed(session)
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.use_predictions(Predictions.open(bench.out))
    session.want("11")
    return model


def shown(model: Members) -> Prediction:
    here = model.session.open
    assert here is not None
    assert here.predicted is not None
    return here.predicted.prediction


def test_every_member_is_listed_with_its_weight_and_its_own_dice(
    model: Members, bench: Bench
) -> None:
    rows = model.rows()
    assert [(row.name, row.weight, row.on) for row in rows] == [
        ("a.safetensors", 2.0, True),
        ("run fold 0", 1.0, True),
        ("run fold 1", 1.0, True),
    ]
    opinions = bench.opinions("11")
    said = alone(bench.panel, opinions, bench.cohort.cases["11"])
    for row in rows:
        only = Prediction("11", said[row.place], said[row.place], opinions.shape, False)
        assert row.dice == dice(to_mask(only, 0.4), TRAIN[0].mask)
    model.session.want(SEEN)
    assert [row.remark for row in model.rows()] == ["", "", "seen in training"]


def test_the_open_case_s_prediction_follows_and_comes_back(model: Members, bench: Bench) -> None:
    session, before = model.session, shown(model)
    others = dict(session.scores)
    model.switch(0, False)
    tried = mix(
        bench.panel, model.tried.settings, bench.opinions("11"), bench.cohort.cases["11"]
    ).prediction
    assert tried is not None
    assert np.array_equal(shown(model).probability, tried.probability)
    assert not np.array_equal(shown(model).probability, before.probability)
    here = session.open
    assert here is not None
    assert here.predicted is not None
    assert np.array_equal(here.predicted.mask, to_mask(tried, 0.4))
    assert session.scores["11"].prediction == dice(to_mask(tried, 0.4), TRAIN[0].mask)
    assert model.before == others["11"].prediction
    session.try_thresholds({"kidney": 0.7})
    assert np.array_equal(here.predicted.mask, to_mask(tried, 0.7))
    session.try_thresholds({})
    model.reset()
    assert np.array_equal(shown(model).probability, before.probability)
    assert not here.remixed


def test_what_is_tried_stays_from_case_to_case(model: Members, bench: Bench) -> None:
    model.weigh(1, 9.0)
    model.session.want("31")
    tried = mix(
        bench.panel, model.tried.settings, bench.opinions("31"), bench.cohort.cases["31"]
    ).prediction
    assert tried is not None
    assert np.array_equal(shown(model).probability, tried.probability)
    model.session.want("11")
    assert model.rows()[1].weight == 9.0


def test_a_mask_taken_from_a_tried_mix_says_so(model: Members) -> None:
    model.weigh(1, 9.0)
    model.session.drawing.take("prediction")
    here = model.session.open
    assert here is not None
    assert here.started_from is not None
    assert here.started_from.name == "mine (other weights)"


def test_one_member_is_looked_at_while_it_is_chosen(model: Members, bench: Bench) -> None:
    preview = model.looking._preview
    model.looking.look(1)
    assert preview.title == "member run fold 0"
    model.session.want("31")
    assert preview.title == "member run fold 0"
    preview.show(np.zeros((96, 128), np.uint8), "revision 3")
    assert model.looking.at is None
    model.looking.look(0)
    model.looking.look(None)
    assert preview.title == ""


def test_where_members_are_not_kept_nothing_is_mixed(model: Members, bench: Bench) -> None:
    (bench.out / "members" / "31.npz").unlink()
    model.session.want("31")
    before = shown(model)
    model.weigh(0, 7.0)
    assert [row.remark for row in model.rows()] == ["not kept"] * 3
    assert shown(model) is before


def test_before_a_case_is_predicted_the_members_so_far_are_shown(
    model: Members, bench: Bench
) -> None:
    opinions = bench.opinions("11")
    key, *others = opinions.levels
    (bench.out / "11.npz").unlink()
    kept = KeptOpinions(bench.out)
    first = replace(opinions, levels={key: opinions.levels[key]})
    kept.write("11", first)
    model.session.want("11")
    assert np.array_equal(shown(model).probability, opinions.levels[key])
    assert model.mixed is not None
    assert len(model.mixed.missing) == 2
    kept.write(
        "11", replace(opinions, levels={one: opinions.levels[one] for one in (key, *others[:1])})
    )
    model.arrived("11")
    assert len(model.mixed.missing) == 1
    assert not np.array_equal(shown(model).probability, opinions.levels[key])

    here = model.session.open
    assert here is not None
    model.session.drawing.take("prediction")
    assert here.started_from == Start("mine (other weights)", "", 0.4)
    kept.write("11", opinions)
    model.arrived("11")
    assert not here.remixed


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


# -- a dense CRF ---------------------------------------------------------------------------

CRF = {"crf": {"place_sigma": 12.0, "colour_sigma": 20.0}}


@pytest.fixture
def refined(cohort_folder: Path, session: Session) -> Bench:
    """All cases predicted with a dense CRF of the kidney's; the first one is to be opened."""
    bench = Bench(cohort_folder, postprocess={"kidney": CRF})
    bench.predict(bench.file, bench.out)
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    return bench


def opened(model: Members, bench: Bench, case_id: str = "11") -> Members:
    model.session.use_predictions(Predictions.open(bench.out))
    model.session.want(case_id)
    return model


def test_a_mix_at_rest_is_refined_by_the_dense_crf_as_predict_does_it(
    refined: Bench, session: Session, tmp_path: Path
) -> None:
    model = opened(listed(session), refined)
    assert model.refined is None
    model.weigh(1, 9.0)
    assert model.refined
    assert state(model).endswith(" The dense CRF has refined it.")
    tried = shown(model)
    raw = mix(
        refined.panel, model.tried.settings, refined.opinions("11"), refined.cohort.cases["11"]
    ).prediction
    assert raw is not None
    assert not np.array_equal(tried.probability, raw.probability)
    model.write()
    made = refined.predict(refined.file, tmp_path / "out")["11"]
    assert np.array_equal(tried.probability, made.probability)
    here = session.open
    assert here is not None
    assert here.predicted is not None
    assert np.array_equal(
        here.predicted.mask, to_mask(made, session.sources.point_for(here.loaded.case))
    )
    session.want("31")
    assert model.refined is None
    assert "CRF" not in state(model)


def test_the_mix_is_there_at_once_and_only_the_newest_is_refined(
    refined: Bench, session: Session
) -> None:
    waiting: list[Callable[[], None]] = []

    def later(function: Callable[[], Any], then: Callable[[Any], None], failed: Any) -> None:
        waiting.append(lambda: call(function, then, failed))

    model = opened(listed(session, later), refined)
    model.weigh(1, 9.0)
    assert state(model).endswith(" The dense CRF is still to come.")
    model.weigh(1, 3.0)
    newest = shown(model)
    first, second = waiting
    first()
    assert shown(model) is newest
    second()
    assert model.refined
    assert not np.array_equal(shown(model).probability, newest.probability)
    model.weigh(1, 4.0)
    session.want("12")
    other = shown(model)
    waiting[-2]()
    assert shown(model) is other


def test_what_was_refined_too_late_is_not_shown(refined: Bench, session: Session) -> None:
    ready: list[Callable[[], None]] = []

    def told_late(function: Callable[[], Any], then: Callable[[Any], None], failed: Any) -> None:
        call(function, lambda made: ready.append(lambda: then(made)), failed)

    model = opened(listed(session, told_late), refined)
    model.weigh(1, 9.0)
    model.reset()
    kept = shown(model)
    (late,) = ready
    late()
    assert shown(model) is kept
    assert model.refined is None


def test_a_crf_that_fails_is_told_and_the_mix_stays(
    refined: Bench, session: Session, cohort_folder: Path
) -> None:
    model = opened(listed(session), refined)
    (cohort_folder / "train_images" / "11.tiff").unlink()
    model.weigh(1, 9.0)
    assert "11.tiff" in model.problem
    assert model.refined is False


# -- the file of the ensemble ---------------------------------------------------------------


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
