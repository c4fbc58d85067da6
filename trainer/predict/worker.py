"""Prediction in a process of its own, so that a window never waits for a network.

It also keeps torch's compiler apart from the window's graphics driver: both bring a
copy of LLVM, and loading the second one into the same process can end it.
"""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TextIO

import numpy as np

from trainer.data.cohort import Cohort
from trainer.data.opinions import KeptOpinions
from trainer.data.store import Store
from trainer.errors import Cancelled, CohortError, TrainerError
from trainer.predict.messages import Reply, Request
from trainer.settings import read_ensemble, read_recipe

_NICENESS = 10
"""The window's process goes first."""


def main() -> None:
    """Answer requests from standard input until it ends."""
    out = _own_standard_output()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    requests: queue.Queue[Request | None] = queue.Queue()
    cancelled = threading.Event()
    threading.Thread(target=_listen, args=(requests, cancelled), daemon=True).start()
    while (request := requests.get()) is not None:
        for reply in _answer(request, cancelled):
            out.write(reply.model_dump_json(exclude_defaults=True) + "\n")
            out.flush()


def _own_standard_output() -> TextIO:
    """Keep standard output for replies: what a library prints goes to standard error."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return out


def _listen(requests: queue.Queue[Request | None], cancelled: threading.Event) -> None:
    for line in sys.stdin:
        request = Request.model_validate_json(line)
        if request.want == "cancel":
            cancelled.set()
        else:
            cancelled.clear()
            requests.put(request)
    cancelled.set()
    requests.put(None)


def _answer(request: Request, cancelled: threading.Event) -> Iterator[Reply]:
    try:
        if request.want == "devices":
            yield _devices()
        elif request.want == "refine":
            yield _refined(request, cancelled)
        elif request.want == "preview":
            yield from _preview(request, cancelled)
        else:
            yield from _predict(request, cancelled)
    except Cancelled:
        yield Reply(kind="cancelled")
    except TrainerError as error:
        yield Reply(kind="failed", problem=str(error))
    except Exception as error:  # noqa: BLE001  (the window tells it; nobody else could)
        traceback.print_exc()
        yield Reply(kind="failed", problem=f"{type(error).__name__}: {error}")


def _devices() -> Reply:
    from trainer.predict.device import available, describe

    return Reply(kind="devices", devices={name: describe(name) for name in available()})


def _predict(request: Request, cancelled: threading.Event) -> Iterator[Reply]:
    from trainer.predict.ensemble import Predictor
    from trainer.predict.kept import begin, folder_for
    from trainer.predict.running import predict_cohort

    assert request.cohort is not None
    assert request.ensemble is not None
    cohort = Cohort.open(request.cohort)
    ensemble = read_ensemble(request.ensemble)
    with Predictor(ensemble, Path(request.ensemble).parent, request.device) as predictor:
        kept = begin(folder_for(cohort.folder, predictor), predictor)
        if request.members_from is not None:
            KeptOpinions(kept.folder).take_over(KeptOpinions(request.members_from), request.cases)
        yield Reply(kind="began", folder=kept.folder)
        for step in predict_cohort(
            cohort, request.cases, predictor, kept, cancelled.is_set, request.keep_members
        ):
            yield Reply(
                kind="step",
                case_id=step.case_id,
                done=step.done,
                total=step.total,
                seconds_left=step.seconds_left,
                kept=step.kept or step.passed,
                member=step.member,
                notice=step.notice,
                problem="" if step.error is None else str(step.error),
            )
    yield Reply(kind="done")


def _refined(request: Request, cancelled: threading.Event) -> Reply:
    """Refine a case's probability as a predictor does it after its members have spoken."""
    from trainer.predict.crf import refine_levels
    from trainer.predict.device import choose

    assert request.cohort is not None
    assert request.crf is not None
    assert request.levels is not None
    (case_id,) = request.cases
    image = Cohort.open(request.cohort).image(case_id)
    levels, device = np.load(request.levels), choose(request.device)
    refined = refine_levels(levels, image, request.crf, device, cancelled.is_set)
    np.save(request.levels, refined)
    return Reply(kind="done")


def _preview(request: Request, cancelled: threading.Event) -> Iterator[Reply]:
    """Draw what a training would show its network, as `hubmap-trainer preview` draws it."""
    from trainer.train.preview import gather, strips

    assert request.cohort is not None
    assert request.recipe is not None
    assert request.folder is not None
    cohort, recipe = Cohort.open(request.cohort), read_recipe(request.recipe)
    seed = recipe.seed if request.seed is None else request.seed
    problems: list[str] = []

    def tell(_share: float, problem: CohortError | None) -> None:
        if problem is not None:
            problems.append(str(problem))
        if cancelled.is_set():
            raise Cancelled

    with tempfile.TemporaryDirectory() as scratch, ExitStack() as ends:
        reviews = None
        if request.curated and Store.is_kept(cohort.folder):
            reviews = ends.enter_context(closing(Store.for_cohort(cohort.folder)))
        samples = gather(
            cohort, reviews, recipe, Path(scratch), count=request.count, seed=seed, tell=tell
        )
        for problem in problems:
            yield Reply(kind="step", total=len(samples), problem=problem)
        for done, strip in enumerate(strips(samples, recipe, seed), start=1):
            if cancelled.is_set():
                raise Cancelled
            file = request.folder / f"{done}.npz"
            np.savez(file, *strip.pictures)
            yield Reply(
                kind="step", case_id=strip.case.id, done=done, total=len(samples), pictures=file
            )
    yield Reply(kind="done")


if __name__ == "__main__":
    main()
