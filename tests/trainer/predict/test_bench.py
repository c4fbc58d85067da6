"""Where the time goes: each stage is counted, and together they are the whole."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cohorts import Drawn, write_cohort
from trainer.cli import app
from trainer.data.cohort import Cohort
from trainer.predict.bench import STAGES, Timing, bench
from trainer.predict.ensemble import Predictor
from trainer.settings import Ensemble, Member, to_yaml

MakeMember = Callable[..., Member]
CASES = tuple(Drawn(str(n), "lung", (700, 600), discs=((300, 300, 90),)) for n in (1, 2, 3))


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    write_cohort(tmp_path / "cohort", CASES)
    return Cohort.open(tmp_path / "cohort")


@contextmanager
def counting() -> Iterator[None]:
    """A clock that ticks at each call and return: what it says is the work's, not the load's."""
    ticks = 0

    def tick(*_: object) -> None:
        nonlocal ticks
        ticks += 1

    before = sys.getprofile()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: float(ticks))
        sys.setprofile(tick)
        try:
            yield
        finally:
            sys.setprofile(before)


def timed(cohort: Cohort, folder: Path, *members: Member, **said: object) -> list[Timing]:
    told = Ensemble.model_validate({"name": "x", "members": members, **said})
    with Predictor(told, folder, "cpu") as predictor, counting():
        return list(bench(cohort, ["1", "2", "3"], predictor))


def test_stages_sum_to_about_the_whole(cohort: Cohort, tmp_path: Path, member: MakeMember) -> None:
    found = timed(cohort, tmp_path, member(size=384))
    idle = Timing("")
    with counting(), idle.stage("mask"):
        pass
    assert [one.case_id for one in found] == ["1", "2", "3"]
    for one in found:
        assert tuple(one.seconds) == STAGES
        assert all(seconds > idle.seconds["mask"] for seconds in one.seconds.values())
        assert sum(one.seconds.values()) <= one.total
    whole = sum(one.total for one in found)
    assert sum(sum(one.seconds.values()) for one in found) > 0.9 * whole
    # no stage is small enough here to hide in what is left
    rest = whole - sum(sum(one.seconds.values()) for one in found)
    for stage in ("read", "network", "write"):
        assert sum(one.seconds[stage] for one in found) > rest


def test_more_views_are_the_network_s_time_and_a_crf_is_fusion_s(
    cohort: Cohort, tmp_path: Path, member: MakeMember
) -> None:
    plain, turned, refined = (
        timed(cohort, tmp_path, member(size=128), **said)
        for said in (
            {},
            {"tta": ["identity", "hflip", "vflip", "rot180"]},
            {"postprocess": {"default": {"crf": True}}},
        )
    )

    def least(found: list[Timing], stage: str) -> float:
        return min(one.seconds[stage] for one in found)

    assert least(turned, "network") > 1.8 * least(plain, "network")
    assert least(refined, "fuse") > 5 * least(plain, "fuse")


def test_members_that_saw_the_cases_are_timed_too(
    cohort: Cohort, tmp_path: Path, member: MakeMember
) -> None:
    seen = member(trained_on=tuple(cohort.digest(one.id) for one in CASES), size=64)
    both = {"name": "x", "members": [seen, member(size=128)]}
    with Predictor(Ensemble.model_validate(both), tmp_path, "cpu") as predictor:
        list(bench(cohort, ["1"], predictor))
        sizes = [one["height"] for one in predictor.batches]
    assert sizes == [64, 128]


def test_the_command_tells_stages_memory_device_and_batch(
    cohort: Cohort, tmp_path: Path, member: MakeMember
) -> None:
    told = Ensemble.model_validate({"name": "x", "members": [member(size=128)]})
    (tmp_path / "x.yaml").write_text(to_yaml(told), "utf-8")
    words = ["bench", str(cohort.folder), "--ensemble", str(tmp_path / "x.yaml"), "--cases", "2"]
    done = CliRunner().invoke(app, [*words, "--device", "cpu", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [one["case"] for one in document["cases"]] == ["1", "2"]
    assert document["total"] == pytest.approx(sum(document["stages"].values()) + document["rest"])
    assert document["device"].startswith("CPU")
    assert document["batches"] == [{"batch": 1, "height": 128, "width": 128}]
    assert document["peak_memory"]["main"] > 50 * 2**20
    assert not list(cohort.folder.glob("predictions*"))
    shown = CliRunner().invoke(app, [*words, "--device", "cpu"])
    assert all(stage in shown.stdout for stage in (*STAGES, "rest", "1 × 128×128"))
