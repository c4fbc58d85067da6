"""A prediction that is gone on with, and what is made anew once the ensemble has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cohorts import Drawn, write_cohort
from trainer.data.cohort import Cohort
from trainer.data.opinions import KeptOpinions
from trainer.data.predictions import Predictions
from trainer.errors import PredictionError
from trainer.predict.crf import refine
from trainer.predict.ensemble import Predictor
from trainer.predict.kept import begin
from trainer.predict.pace import Step
from trainer.predict.running import predict_cohort
from trainer.settings import DenseCrf, Ensemble, Member

MakeMember = Callable[..., Member]
CASES = (
    Drawn("1", "kidney", (100, 90), discs=((40, 40, 20),)),
    Drawn("2", "lung", (90, 110), discs=((50, 60, 20),)),
    Drawn("3", "kidney", (95, 95), discs=((30, 60, 20),)),
)
IDS = tuple(case.id for case in CASES)


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    write_cohort(tmp_path / "cohort", CASES)
    return Cohort.open(tmp_path / "cohort")


class Bench:
    """Predicts into one folder, and says what that took."""

    def __init__(self, folder: Path, cohort: Cohort) -> None:
        self.folder, self.cohort = folder, cohort
        self.out = folder / "predictions"

    def run(
        self, members: list[Member], ids: tuple[str, ...] = IDS, keep: bool = True, **said: Any
    ) -> tuple[list[Step], int]:
        """Steps, and how many networks were loaded."""
        ensemble = Ensemble.model_validate({"name": "x", "members": members, **said})
        with Predictor(ensemble, self.folder, "cpu") as predictor:
            kept = begin(self.out, predictor)
            steps = list(predict_cohort(self.cohort, ids, predictor, kept, keep_members=keep))
            return steps, len(predictor._networks._loaded)

    def maps(self) -> dict[str, np.ndarray]:
        there = Predictions.open(self.out)
        found = {case_id: there.read(case_id) for case_id in sorted(there.ids())}
        return {case_id: one.probability for case_id, one in found.items() if one is not None}


@pytest.fixture
def bench(tmp_path: Path, cohort: Cohort) -> Bench:
    return Bench(tmp_path, cohort)


def kept(steps: list[Step]) -> list[str]:
    return [step.case_id for step in steps if step.kept]


def test_the_same_call_goes_on_with_what_is_not_there(bench: Bench, member: MakeMember) -> None:
    one = [member()]
    assert kept(bench.run(one, IDS[:1], keep=False)[0]) == ["1"]
    before = (bench.out / "1.npz").stat().st_mtime_ns
    steps, _ = bench.run(one, keep=False)
    assert kept(steps) == ["2", "3"]
    assert [step.case_id for step in steps if step.passed] == ["1"]
    assert steps[-1].done == steps[-1].total == 3
    assert (bench.out / "1.npz").stat().st_mtime_ns == before
    steps, loaded = bench.run(one, keep=False)
    assert (kept(steps), loaded) == ([], 0)


def test_a_damaged_prediction_is_made_anew(bench: Bench, member: MakeMember) -> None:
    one = [member()]
    bench.run(one, keep=False)
    whole = (bench.out / "2.npz").read_bytes()
    (bench.out / "2.npz").write_bytes(whole[: len(whole) // 2])
    assert kept(bench.run(one, keep=False)[0]) == ["2"]


def test_a_changed_image_is_predicted_anew(bench: Bench, member: MakeMember) -> None:
    one = [member()]
    bench.run(one)
    image = bench.cohort.cases["3"].image_path
    os.utime(image, ns=(1, 1))
    steps, loaded = bench.run(one)
    assert kept(steps) == ["3"]
    assert loaded == 1


def test_other_weights_fusion_and_thresholds_cost_no_network(
    bench: Bench, member: MakeMember
) -> None:
    first, second = member(says=0.2), member(says=0.8)
    bench.run([first, second])
    heavy = second.model_copy(update={"weight": 3.0})
    for members, said, wanted in (
        ([first, heavy], {}, 0.65),
        ([first, second], {"fusion": "geometric"}, 0.4),
        ([first, second], {"fusion": "vote", "votes": {"lung": 1, "kidney": 1}}, 0.8),
        ([second], {}, 0.8),
        ([second, first], {"threshold": 0.3}, 0.5),
    ):
        steps, loaded = bench.run(members, **said)
        assert loaded == 0, said
        assert kept(steps) == list(IDS)
        for found in bench.maps().values():
            assert found.mean() / 255 == pytest.approx(wanted, abs=0.01)
    steps, loaded = bench.run([second, first], threshold=0.6)
    assert (kept(steps), loaded) == ([], 0)


def test_one_member_more_costs_one_network(bench: Bench, member: MakeMember) -> None:
    first = member()
    bench.run([first])
    assert bench.run([first, member(size=96)])[1] == 1


def test_another_size_of_one_member_costs_one_network(bench: Bench, member: MakeMember) -> None:
    first, second = member(), member(says=0.3)
    bench.run([first, second])
    steps, loaded = bench.run([first, second.model_copy(update={"size": 96})])
    assert loaded == 1
    assert [step.member for step in steps if step.member] == [second.weights] * 3


def test_kept_members_make_what_the_networks_make(
    bench: Bench, member: MakeMember, tmp_path: Path
) -> None:
    members = [member(), member(size=96), member(says=0.4)]
    bench.run([members[0], members[1]])
    bench.run(members)
    once = Bench(tmp_path / "once", bench.cohort)
    once.folder = tmp_path
    once.run(members, keep=False)
    assert bench.maps().keys() == once.maps().keys() == set(IDS)
    for case_id, found in once.maps().items():
        assert np.array_equal(bench.maps()[case_id], found)
    assert not KeptOpinions(once.out).are_kept


def test_members_are_told_as_they_are_kept(bench: Bench, member: MakeMember) -> None:
    members = [member(says=0.2), member(says=0.8)]
    steps, _ = bench.run(members)
    told = [(step.case_id, step.member) for step in steps if step.member]
    assert told == [(case_id, one.weights) for case_id in IDS for one in members]
    opinions = KeptOpinions(bench.out).read("2")
    assert opinions is not None and opinions.shape == (90, 110)
    says = {opinions.names[key]: levels.mean() / 255 for key, levels in opinions.levels.items()}
    assert says == pytest.approx({"1.safetensors": 0.2, "2.safetensors": 0.8}, abs=0.01)


def test_members_kept_elsewhere_are_mixed_in_another_folder(
    bench: Bench, member: MakeMember, tmp_path: Path
) -> None:
    first, second = member(says=0.2), member(says=0.8)
    bench.run([first, second])
    before, there = bench.maps(), bench.out
    bench.out = tmp_path / "another"
    KeptOpinions(bench.out).take_over(KeptOpinions(there), IDS)
    steps, loaded = bench.run([first, second.model_copy(update={"weight": 3.0})])
    assert (kept(steps), loaded) == (list(IDS), 0)
    assert bench.maps()["1"].mean() / 255 == pytest.approx(0.65, abs=0.01)
    steps, loaded = bench.run([first, second, member(says=0.5)])
    assert loaded == 1
    bench.out = there
    assert bench.run([first, second])[1] == 0
    assert all(np.array_equal(found, before[id]) for id, found in bench.maps().items())


def test_a_folder_without_members_stays_its_ensemble_s(bench: Bench, member: MakeMember) -> None:
    bench.run([member()], keep=False)
    before = bench.maps()
    with pytest.raises(PredictionError, match="holds predictions of another ensemble"):
        bench.run([member(says=0.3)], keep=True)
    assert bench.maps().keys() == before.keys()


def test_predictions_of_the_earlier_mix_do_not_stay(bench: Bench, member: MakeMember) -> None:
    first, second = member(says=0.2), member(says=0.8)
    bench.run([first])
    bench.run([first, second], ids=("1",))
    assert bench.maps().keys() == {"1"}
    assert bench.run([first, second])[1] == 1
    assert bench.maps().keys() == set(IDS)


def test_damaged_members_are_made_anew(bench: Bench, member: MakeMember) -> None:
    one = [member()]
    bench.run(one)
    for file in (bench.out / "members").glob("*.npz"):
        file.write_bytes(file.read_bytes()[:99])
    steps, loaded = bench.run([*one, member(says=0.3)])
    assert kept(steps) == list(IDS)
    assert loaded == 2


def test_a_dense_crf_refines_its_organs_and_costs_no_network(
    bench: Bench, member: MakeMember
) -> None:
    members = [member(), member()]
    bench.run(members)
    plain = bench.maps()
    steps, loaded = bench.run(members, postprocess={"kidney": {"crf": {"iterations": 2}}})
    refined = bench.maps()
    assert loaded == 0
    assert kept(steps) == list(IDS)
    assert np.array_equal(plain["2"], refined["2"]), "lung has none"
    for case_id in ("1", "3"):
        image = bench.cohort.image(case_id)
        height, width = plain[case_id].shape
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        expected = refine(
            plain[case_id].astype(np.float32) / 255,
            np.asarray(small, np.uint8),
            DenseCrf(iterations=2),
        )
        assert np.abs(refined[case_id] - 255 * expected).max() <= 0.51
        assert not np.array_equal(plain[case_id], refined[case_id])
