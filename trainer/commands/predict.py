"""`hubmap-trainer predict`: an ensemble's probabilities of a cohort's cases."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.commands.threads import yield_threads
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from concurrent.futures import Executor

EXAMPLES = """Examples:

hubmap-trainer predict data --ensemble runs/first --out predictions

hubmap-trainer predict data --ensemble ensemble.yaml --out predictions --case 10044 --case 10274

hubmap-trainer predict data --ensemble ensemble.yaml --out tried --keep-members --memory 10

hubmap-trainer predict data --ensemble runs/first --out predictions --scheduler tcp://head:8786

hubmap-trainer predict --keys"""


def _tell_keys(wanted: bool) -> None:
    if not wanted:
        return
    from trainer.settings import Ensemble
    from trainer.settings.described import described

    for depth, name, meaning in described(Ensemble):
        typer.echo(f"{2 * depth * ' ' + name:<22}{meaning}".rstrip())
    raise typer.Exit


def predict(
    cohort: CohortArgument,
    ensemble: Annotated[
        Path, typer.Option(metavar="FILE|RUN", help="An ensemble's YAML, or a run's folder.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the predictions.")],
    device: Annotated[
        str | None,
        typer.Option(
            metavar="D[,D]", help="cuda:0, mps, cpu …; several share the cases; else the fastest."
        ),
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this case; may be repeated.")
    ] = None,
    keep_members: Annotated[
        bool,
        typer.Option(
            "--keep-members",
            help="Keep each member's probabilities: another mix of them then costs no network.",
        ),
    ] = False,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GIB", min=0.1, help="What a process may use of its device's memory."),
    ] = None,
    compile: Annotated[
        bool, typer.Option("--compile", help="Have torch compile the networks first.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="So many processes here, by dask.distributed."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The workers of this Dask scheduler."),
    ] = None,
    json: JsonOption = False,
    keys: Annotated[
        bool,
        typer.Option(
            "--keys",
            callback=_tell_keys,
            is_eager=True,
            help="Tell what an ensemble's YAML can say, and end.",
        ),
    ] = False,
) -> None:
    """Predict every case, or some; members that were trained on a case are left out.

    The same call goes on where it was stopped: what is there and depends on nothing that has
    changed is not made again.
    """
    if workers is not None and scheduler is not None:
        raise typer.BadParameter("--workers starts a cluster, --scheduler takes one: name either")
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = named.cohort(cohort, terminal)
        ids = named.cases(opened, case)
        yield_threads()
        from trainer.predict.device import several
        from trainer.predict.ensemble import Predictor
        from trainer.predict.kept import begin
        from trainer.predict.running import predict_cohort
        from trainer.predict.sharing import Job, predict_shared
        from trainer.settings import read_ensemble

        base = ensemble if ensemble.is_dir() else ensemble.parent
        devices = several(device)
        failed = set[str]()
        with (
            Predictor(
                read_ensemble(ensemble), base, devices[0], memory=memory, compiled=compile
            ) as predictor,
            terminal.meter() as meter,
            _executor(devices, workers, scheduler) as executor,
        ):
            predictions = begin(out, predictor)

            def stopped() -> bool:
                return wish.is_uttered

            if executor is None:
                steps = predict_cohort(opened, ids, predictor, predictions, stopped, keep_members)
            else:
                job = Job(
                    *(path.resolve() for path in (opened.csv, ensemble, out)),
                    # a cluster's machines choose themselves unless a device is named
                    device=device if scheduler or workers else None,
                    memory=memory,
                    compiled=compile,
                    threads=_threads(devices, workers),
                )
                steps = predict_shared(executor, job, ids, predictions, stopped, keep_members)
            for step in steps:
                wish.heed()
                meter.show(f"Predicting {step.case_id}", step.done / step.total, step.seconds_left)
                if step.notice:
                    terminal.note(step.notice)
                if step.error is not None:
                    failed.add(step.case_id)
                    terminal.problem(step.error)
                elif step.kept and (misfit := opened.misfit(step.case_id)):
                    terminal.problem(misfit)
        done = [case_id for case_id in ids if case_id not in failed]
        terminal.result({"predictions": str(out), "cases": done}, f"{len(done)} cases in {out}")


def _executor(
    devices: list[str], workers: int | None, scheduler: str | None
) -> AbstractContextManager[Executor | None]:
    """Who predicts; None for this process itself."""
    from trainer.predict import cluster
    from trainer.predict.sharing import on_devices

    if scheduler is not None:
        return cluster.scheduler(scheduler)
    if workers is not None:
        return cluster.workers(workers)
    return on_devices(devices) if len(devices) > 1 else nullcontext()


def _threads(devices: list[str], workers: int | None) -> int | None:
    """Of torch in each process where several of this machine's share its cores."""
    count = workers or sum(name == "cpu" for name in devices)
    return max(1, (os.cpu_count() or 1) // count) if count > 1 else None
