"""`hubmap-trainer train`: an ensemble, a member a fold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.commands.dice_table import as_json, by_organ
from trainer.commands.threads import yield_threads
from trainer.terminal import Listener, Stopping, Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.store import Store
    from trainer.settings import Recipe

EXAMPLES = """Examples:

hubmap-trainer train data --recipe quick --out runs/first

hubmap-trainer train data --recipe mine.yaml --out runs/fixed --curated --device cuda:0

hubmap-trainer train data --recipe quick --out runs/next --curated --warm-start runs/first"""


def train(
    cohort: CohortArgument,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A bundled recipe, or a recipe's YAML.")
    ],
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder of the run.")],
    curated: Annotated[
        bool, typer.Option("--curated", help="Accepted curated masks take truth's place.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(metavar="D", help="cuda:0, mps, cpu …; the fastest if left out.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.01, help="Time for all folds; else the recipe's."),
    ] = None,
    devices: Annotated[
        int, typer.Option(metavar="N", min=1, help="Of that kind, that train together.")
    ] = 1,
    warm_start: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Members go on from an earlier run's; else from the encoder's start.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train an ensemble, a member a fold, and measure it on what each member did not see.

    Ctrl+C stops it; folds that are finished stay usable, and the same call goes on from there.
    A training that was killed goes on at its last epoch. Several devices share each step's
    samples; several machines do where torchrun starts this on each.
    """
    from trainer.train.processes import Processes

    helps = not Processes.of(devices).leads
    with Terminal(json, quiet=helps).speaking() as terminal, Wish() as wish:
        chosen = named.recipe(recipe)
        if minutes is not None:
            chosen = chosen.model_copy(update={"minutes": minutes})
        opened = named.cohort(cohort, terminal)
        store = named.store(opened, terminal) if curated else None
        yield_threads()
        from trainer.train.rounds import train as train_in_rounds

        _say_unlabelled(opened, store, chosen, terminal)
        if warm_start is not None:
            terminal.note(f"Members go on from those of {warm_start}.")
        with terminal.meter() as meter, Stopping(out):
            listener = Listener(terminal, meter, wish)
            result = train_in_rounds(
                opened,
                chosen,
                out,
                curated=store,
                device=device,
                devices=devices,
                progress=listener.hear,
                parent=warm_start,
            )
        nothing = f"{out}: trained on all cases, so there is no Dice of unseen ones."
        table = by_organ(result.report, f"{out}: Dice of out-of-fold predictions")
        terminal.result(
            {"run": str(out), "organs": [as_json(row) for row in result.report]},
            table if result.report else nothing,
        )


def _say_unlabelled(
    cohort: Cohort, store: Store | None, recipe: Recipe, terminal: Terminal
) -> None:
    from trainer.train.labels import Labels

    labels = Labels.gather(cohort, store, recipe.labels, recipe.organs)
    worthless, rejected = len(labels.left_out()), len(labels.rejected)
    wanted = [case for case in cohort.cases.values() if case.organ in recipe.organs]
    total = len(wanted if recipe.organs else cohort.cases)
    if recipe.organs:
        others = len(cohort.cases) - total
        terminal.note(
            f"{others} cases of other organs than {', '.join(recipe.organs)} are left out."
        )
    if count := total - len(labels.cases()) - worthless - rejected:
        told = "have no mask and are not trained on"
        if recipe.pseudo.rounds:
            told = "have no mask: later rounds learn what the one before predicts"
        terminal.note(f"{count} of {total} cases {told}.")
    if store is not None:
        terminal.note(f"{len(labels.revisions)} accepted curated masks take their truth's place.")
    if rejected:
        terminal.note(f"{rejected} rejected cases are left out.")
    if worthless:
        terminal.note(f"{worthless} cases are left out: the recipe's `labels` has no use for them.")
