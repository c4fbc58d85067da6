"""`hubmap-trainer report`: a cohort's review as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.terminal import Terminal, Wish

EXAMPLES = """Examples:

hubmap-trainer report data --predictions runs/first/oof --out report.html

hubmap-trainer report data --predictions runs/fixed/oof --before runs/first/oof --out report.html

hubmap-trainer report data --run runs/first --out first.html

hubmap-trainer report data --out progress.html"""


def report(
    cohort: CohortArgument,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")],
    predictions: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder that `predict` or `train` has written."),
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Predictions of an earlier ensemble, to compare with."),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="A page on a run: its curves, recipe, revisions too."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Dice, losses, thresholds, suspects, causes and the worst cases on one HTML page."""
    if run is not None and predictions is not None:
        raise typer.BadParameter("--run brings its own predictions: leave --predictions out")
    if before is not None and predictions is None and run is None:
        raise typer.BadParameter("--before needs --predictions DIR")
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = named.cohort(cohort, terminal)
        from trainer.data.predictions import OUT_OF_FOLD, Predictions
        from trainer.export import spare
        from trainer.report.page import build, write

        spare(opened.folder, out)
        from trainer.review.run_files import RunFiles

        files = None if run is None else RunFiles.read(run)
        if run is not None and (run / OUT_OF_FOLD).is_dir():
            predictions = run / OUT_OF_FOLD
        folder = None if predictions is None else Predictions.open(predictions)
        earlier = None if before is None else Predictions.open(before)
        store = named.store(opened, terminal)
        with terminal.meter() as meter:

            def heard(what: str, done: float) -> None:
                wish.heed()
                meter.show(what, done, None)

            made = build(opened, folder, store, heard, earlier, files)
        for problem in made.problems:
            terminal.problem(problem)
        write(made, out)
        terminal.result(
            {"out": str(out), "sections": [section.title for section in made.sections]},
            f"{len(made.sections)} tables and {len(made.worst)} cases in {out}",
        )
