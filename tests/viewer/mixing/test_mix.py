"""Members mixed by hand, with no window and no network: the same bytes as `predict` writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cohorts import TRAIN
from hubmap_viewer import ensemble_file
from hubmap_viewer.ensemble_file import EnsembleFile
from hubmap_viewer.members import Members
from hubmap_viewer.mix import Tried, alone, ensemble_of, mix
from mixing_bench import SEEN, Bench, shown
from trainer.data.case import Prediction
from trainer.data.opinions import KeptOpinions
from trainer.data.store import Start
from trainer.metrics import dice
from trainer.predict.postprocess import to_mask


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
