"""Cases shared among processes: one a device of this machine, or those of a cluster.

Each process reads a case and predicts it; this one writes what comes back, so that a process
that ends in between leaves nothing half-written and costs the case that it had in hand.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import torch

from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.opinions import KeptOpinions, Opinions
from trainer.data.predictions import Predictions
from trainer.errors import Cancelled, DeviceError
from trainer.predict.background import Behind
from trainer.predict.ensemble import Predictor
from trainer.predict.pace import Pace, Step
from trainer.predict.running import ITS_OWN, prepare
from trainer.settings import read_ensemble

_LISTEN = 0.2
"""Seconds between two looks for a wish to stop."""

_device: str | None = None
"""Of this process, where it is one of several on a machine."""


@dataclass(frozen=True, slots=True)
class Job:
    """All that a process needs to predict a cohort's cases.

    Attributes
    ----------
    cohort
        Its folder, as the process finds it.
    ensemble
        Its YAML, or a run's folder.
    predictions
        Where predictions and members' probabilities are kept.
    device
        A name; None for the process's own, else the fastest.
    memory
        GiB that the process may use on the device.
    threads
        Of torch; None for as many as it wishes.
    """

    cohort: Path
    ensemble: Path
    predictions: Path
    device: str | None = None
    memory: float | None = None
    compiled: bool = False
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Solved:
    """What a process gives back of a case.

    Attributes
    ----------
    prediction
        None where the one that is kept is still good.
    opinions
        The members', where they are not all kept already.
    notices
        What had to be done for want of memory.
    """

    prediction: Prediction | None
    made_of: str = ""
    opinions: Opinions | None = None
    notices: tuple[str, ...] = ()


def solve(job: Job, case_id: str) -> Solved:
    """Predict a case in whatever process this is called in; networks are kept for the next one.

    Raises
    ------
    TrainerError
        As `trainer.predict.running.predict_cohort` has it.
    """
    cohort, predictor, predictions = _ready(job, job.device or _device)
    kept = KeptOpinions(predictions.folder)
    work = prepare(cohort, case_id, predictor, predictions, kept)
    if work.prepared is None:
        return Solved(None)
    steps = predictor.steps(work.prepared)
    while True:
        try:
            told = next(steps)
        except StopIteration as stop:
            prediction = stop.value
            break
        if told.opinion is not None:
            work.opinions.append(told.opinion)
    new = any(opinion.key not in work.known for opinion in work.opinions)
    notices = tuple(predictor.notices)
    predictor.notices.clear()
    return Solved(prediction, work.made_of, work.kept() if new else None, notices)


@lru_cache(maxsize=1)
def _ready(job: Job, device: str | None) -> tuple[Cohort, Predictor, Predictions]:
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    base = job.ensemble if job.ensemble.is_dir() else job.ensemble.parent
    predictor = Predictor(
        read_ensemble(job.ensemble), base, device, memory=job.memory, compiled=job.compiled
    )
    return Cohort.open(job.cohort), predictor, Predictions(job.predictions, {})


def predict_shared(
    executor: Executor,
    job: Job,
    case_ids: Iterable[str],
    predictions: Predictions,
    cancelled: Callable[[], bool],
    keep_members: bool = False,
) -> Iterator[Step]:
    """`trainer.predict.running.predict_cohort` by an executor's processes.

    Steps are told as cases come back, in whatever order.

    Raises
    ------
    Cancelled
        Soon after `cancelled` says so; cases in hand are lost.
    DeviceError
        If a process of this machine ended by itself.
    TrainerError
        What would befall every case.
    """
    ids = list(case_ids)
    kept = KeptOpinions(predictions.folder)
    if keep_members:
        kept.begin()
    pace = Pace(len(ids))
    pending = {executor.submit(solve, job, case_id): case_id for case_id in ids}
    done = 0
    with Behind(predictions, kept) as behind, _dropped(pending):
        while pending:
            if cancelled():
                raise Cancelled
            finished, _ = wait(pending, _LISTEN, FIRST_COMPLETED)
            for future in finished:
                case_id = pending.pop(future)
                done += 1
                try:
                    solved = _result(future, cancelled)
                except ITS_OWN as error:
                    yield pace.step(case_id, done, error=error)
                    continue
                yield replace(pace.step(case_id, done), passed=solved.prediction is None)
                for notice in solved.notices:
                    yield replace(pace.again(case_id), notice=notice)
                behind.take(case_id, solved.prediction, solved.made_of, solved.opinions)
            yield from behind.told(pace)
        behind.finish()
        yield from behind.told(pace)


@contextlib.contextmanager
def on_devices(names: Sequence[str]) -> Iterator[Executor]:
    """A process for each of these devices of this machine; a name may stand there twice."""
    context = multiprocessing.get_context("spawn")
    free = context.SimpleQueue()
    for name in names:
        free.put(name)
    executor = ProcessPoolExecutor(len(names), context, _take_device, (free,))
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _take_device(free: SimpleQueue[str]) -> None:
    global _device
    _device = free.get()


def _result(future: Future[Solved], cancelled: Callable[[], bool]) -> Solved:
    try:
        return future.result()
    except BrokenExecutor as error:
        if cancelled():
            raise Cancelled from error
        raise DeviceError(
            "a predicting process ended by itself",
            remedy="if memory ran out, name --memory or fewer devices; the same call goes on"
            " where it was",
        ) from error


@contextlib.contextmanager
def _dropped(pending: dict[Future[Solved], str]) -> Iterator[None]:
    """However it ends, nobody begins a case any more."""
    try:
        yield
    finally:
        for future in pending:
            future.cancel()
