"""`hubmap-trainer study`: what the project claims, measured on a user's own cohort."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from trainer import named
from trainer.terminal import Listener, Stopping, Terminal, Wish

if TYPE_CHECKING:
    from trainer.study.suspects import Study

app = typer.Typer(no_args_is_help=True, help="Measure what a method is worth on your own cohort.")

EXAMPLES = """Example:

hubmap-trainer study suspects data --out studies/suspects --minutes 20"""


@app.command(epilog=EXAMPLES)
def suspects(
    cohort: Annotated[
        Path,
        typer.Argument(metavar="COHORT", help="The cohort's folder; its truths count as right."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder, or one to go on with.")],
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A bundled recipe, or a recipe's YAML.")
    ] = "quick",
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.01, help="Time for all folds; else the recipe's."),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Of each organ's truths to corrupt.")
    ] = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="Decides which and how.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="The result as one JSON document.")] = False,
) -> None:
    """Corrupt some truths of a copy, train folds on it, and see whether suspicion finds them.

    A third of the units of a corrupted case is dropped, merged, shifted or invented. The cohort
    itself is left as it is. A finished training in DIR is not repeated.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        chosen = named.recipe(recipe)
        if minutes is not None:
            chosen = chosen.model_copy(update={"minutes": minutes})
        opened = named.cohort(cohort, terminal)
        # waiting threads that sleep are several times faster where cores are shared
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        from trainer.study.suspects import RUN, Plan, run

        with terminal.meter() as meter, Stopping(out / RUN):
            listener = Listener(terminal, meter, wish)
            study = run(opened, Plan(chosen, share, seed), out, listener.hear)
        terminal.result({"out": str(out)} | _document(study), _table(study))


def _table(study: Study) -> Table:
    table = Table(
        "ranked", "by", "wrong", "of", "AUROC", "95 %", "among the first", title="Suspects"
    )
    for what, by, one in (
        ("cases", "suspicion", study.cases),
        ("cases", "1 - Dice", study.cases_by_dice),
        ("units", "suspicion", study.units),
        ("units", "1 - Dice", study.units_by_dice),
    ):
        counts = str(one.wrong), str(one.total)
        interval = f"{one.low:.2f} to {one.high:.2f}"
        table.add_row(what, by, *counts, f"{one.auroc:.3f}", interval, f"{one.first:.2f}")
    return table


def _document(study: Study) -> dict[str, object]:
    from dataclasses import asdict

    return {
        name: asdict(getattr(study, name))
        for name in ("cases", "cases_by_dice", "units", "units_by_dice")
    }
