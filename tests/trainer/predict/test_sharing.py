"""Cases shared among processes of this machine, or of a cluster."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cohorts import Drawn, write_cohort
from trainer.data.cohort import Cohort
from trainer.data.opinions import KeptOpinions
from trainer.data.predictions import Predictions
from trainer.errors import Cancelled, DeviceError, ImageError, TrainerError
from trainer.predict import cluster
from trainer.predict.ensemble import Predictor
from trainer.predict.kept import begin
from trainer.predict.networks import never
from trainer.predict.pace import Step
from trainer.predict.running import predict_cohort
from trainer.predict.sharing import Job, on_devices, predict_shared
from trainer.settings import Ensemble, Member, read_ensemble, to_yaml

MakeMember = Callable[..., Member]
IDS = tuple(str(number) for number in range(1, 7))


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    cases = [Drawn(i, "kidney", (90 + int(i), 100), discs=((40, 40, 20),)) for i in IDS]
    write_cohort(tmp_path / "cohort", cases)
    return Cohort.open(tmp_path / "cohort")


@pytest.fixture
def job(tmp_path: Path, member: MakeMember, cohort: Cohort) -> Job:
    members = (member(), member(says=0.4))
    path = tmp_path / "ensemble.yaml"
    path.write_text(to_yaml(Ensemble(name="x", members=members)), "utf-8")
    return Job(cohort.folder, path, tmp_path / "shared", threads=1)


def run(executor: Executor, job: Job, keep: bool = False) -> Iterator[Step]:
    with Predictor(read_ensemble(job.ensemble), job.ensemble.parent, "cpu") as predictor:
        kept = begin(job.predictions, predictor)
    return predict_shared(executor, job, IDS, kept, never, keep)


def alone(job: Job, cohort: Cohort) -> dict[str, bytes]:
    with Predictor(read_ensemble(job.ensemble), job.ensemble.parent, "cpu") as predictor:
        kept = begin(job.predictions.with_name("alone"), predictor)
        assert all(step.error is None for step in predict_cohort(cohort, IDS, predictor, kept))
    return maps(kept.folder)


def maps(folder: Path) -> dict[str, bytes]:
    there = Predictions.open(folder)
    found = {case_id: there.read(case_id) for case_id in there.ids()}
    return {case_id: one.probability.tobytes() for case_id, one in found.items() if one}


@pytest.mark.slow
def test_two_processes_make_what_one_makes_and_go_on(job: Job, cohort: Cohort) -> None:
    with on_devices(["cpu", "cpu"]) as executor:
        steps = list(run(executor, job, keep=True))
    assert {step.case_id for step in steps if step.kept} == set(IDS)
    assert steps[-1].done == steps[-1].total == len(IDS)
    assert maps(job.predictions) == alone(job, cohort)
    assert KeptOpinions(job.predictions).read("3") is not None
    with ThreadPoolExecutor(1) as here:
        assert not [step for step in run(here, job) if step.kept]


class Asleep(Executor):
    """Whose process falls asleep after its first case: it is still there when it is killed."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self._sleep = executor, None

    def submit(self, fn: Callable[..., Any], /, *words: Any, **named: Any) -> Future[Any]:
        future = self._executor.submit(fn, *words, **named)
        self._sleep = self._sleep or self._executor.submit(time.sleep, 600)
        return future


@pytest.mark.slow
def test_a_process_that_is_killed_is_told_and_what_it_had_done_stays(job: Job) -> None:
    with on_devices(["cpu"]) as executor:
        process = executor.submit(os.getpid).result()
        steps = run(Asleep(executor), job)
        first = next(step for step in steps if step.kept)
        os.kill(process, signal.SIGKILL)
        with pytest.raises(DeviceError, match=r"ended by itself; .* goes on where it was"):
            list(steps)
    assert first.case_id in maps(job.predictions)
    assert not [path for path in job.predictions.iterdir() if path.suffix not in (".npz", ".json")]


def test_a_case_that_cannot_be_read_costs_itself_only(job: Job, cohort: Cohort) -> None:
    cohort.cases["2"].image_path.write_bytes(b"II*\0")
    with ThreadPoolExecutor(1) as executor:
        steps = list(run(executor, job))
    errors = [step.error for step in steps if step.error]
    assert len(errors) == 1 and isinstance(errors[0], ImageError) and errors[0].case == "2"
    assert maps(job.predictions).keys() == set(IDS) - {"2"}


def test_a_wish_to_stop_is_heard(job: Job, cohort: Cohort) -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(Cancelled):
        list(predict_shared(executor, job, IDS, Predictions(job.predictions, {}), lambda: True))


def test_an_error_is_the_same_in_another_process() -> None:
    error = ImageError("is bad", file="a.tiff", row=3, case="7", remedy="mend it")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is ImageError
    assert str(again) == str(error) == "a.tiff, row 3, case 7: is bad; mend it."
    assert (again.file, again.row, again.case) == (Path("a.tiff"), 3, "7")
    assert str(pickle.loads(pickle.dumps(TrainerError("x")))) == "x."


@pytest.mark.slow
def test_a_cluster_s_worker_that_is_killed_costs_its_case_in_hand(job: Job, cohort: Cohort) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as local,
        distributed.Client(local) as client,
        cluster.scheduler(local.scheduler_address) as executor,
    ):
        victim = next(iter(client.run(os.getpid).values()))
        steps = run(executor, job)
        next(step for step in steps if step.kept)
        os.kill(victim, signal.SIGKILL)
        assert not [step.error for step in steps if step.error]
    assert maps(job.predictions) == alone(job, cohort)


@pytest.mark.slow
def test_a_cluster_is_started_here(job: Job, cohort: Cohort) -> None:
    pytest.importorskip("distributed")
    with cluster.workers(1) as executor:
        assert not [step.error for step in run(executor, job) if step.error]
    assert maps(job.predictions) == alone(job, cohort)


def test_a_scheduler_that_is_not_there_is_told() -> None:
    pytest.importorskip("distributed")
    with (
        pytest.raises(DeviceError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 "),
        cluster.scheduler("tcp://127.0.0.1:9"),
    ):
        pass
