"""`hubmap-trainer study`: what the project claims, measured on a user's own cohort."""

from __future__ import annotations

import statistics
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from trainer import named
from trainer.commands.arguments import JsonOption
from trainer.commands.threads import yield_threads
from trainer.errors import CohortError
from trainer.terminal import Listener, Stopping, Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.predictions import Predictions
    from trainer.settings import Recipe
    from trainer.study.effort import CaseEffort, Figures, Plan
    from trainer.study.effort_case import Mode
    from trainer.study.loop import Point
    from trainer.study.pseudo import Round
    from trainer.study.suspects import Study

app = typer.Typer(no_args_is_help=True, help="Measure what a method is worth on your own cohort.")

SoundCohort = Annotated[
    Path, typer.Argument(metavar="COHORT", help="The cohort's folder; its truths count as right.")
]
StudyFolder = Annotated[
    Path, typer.Option(metavar="DIR", help="A new folder, or one to go on with.")
]
RecipeName = Annotated[
    str, typer.Option(metavar="NAME|FILE", help="A bundled recipe, or a recipe's YAML.")
]
Corrupted = Annotated[
    float, typer.Option(min=0.01, max=0.9, help="Of each organ's truths to corrupt.")
]

EXAMPLES = """Example:

hubmap-trainer study suspects data --out studies/suspects --minutes 20"""

LOOP_EXAMPLES = """Example:

hubmap-trainer study loop data --out studies/loop --minutes 10 --seeds 3"""

PSEUDO_EXAMPLES = """Example:

hubmap-trainer study pseudo data --out studies/pseudo --minutes 30 --rounds 2"""

EFFORT_EXAMPLES = """Examples:

hubmap-trainer study effort data --predictions runs/first/oof

hubmap-trainer study effort data --predictions runs/first/oof --target 0.9 --out studies/effort"""


@app.command(epilog=EXAMPLES)
def suspects(
    cohort: SoundCohort,
    out: StudyFolder,
    recipe: RecipeName = "quick",
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.01, help="Time for all folds; else the recipe's."),
    ] = None,
    share: Corrupted = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="Decides which and how.")] = 0,
    json: JsonOption = False,
) -> None:
    """Corrupt some truths of a copy, train folds on it, and see whether suspicion finds them.

    A third of the units of a corrupted case is dropped, merged, shifted or invented. The cohort
    itself is left as it is. A finished training in DIR is not repeated.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        chosen = _timed(named.recipe(recipe), minutes)
        opened = named.cohort(cohort, terminal)
        yield_threads()
        from trainer.study.suspects import RUN, Plan, run

        with terminal.meter() as meter, Stopping(out / RUN):
            listener = Listener(terminal, meter, wish)
            study = run(opened, Plan(chosen, share, seed), out, listener.hear)
        terminal.result({"out": str(out)} | _document(study), _table(study))


@app.command(epilog=LOOP_EXAMPLES)
def loop(
    cohort: SoundCohort,
    out: StudyFolder,
    recipe: RecipeName = "quick",
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.01, help="Time for each training; else the recipe's."),
    ] = None,
    share: Corrupted = 0.15,
    repaired: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1, help="Of the cases to open; 0.1, 0.2 and 0.3 if left out."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="How often all of it is done.")] = 3,
    json: JsonOption = False,
) -> None:
    """Does curating pay? Corrupt truths, repair some in three orders, train again, and measure.

    Worst first by suspicion, at random, and by the members' disagreement. With what is left out
    here that is eleven trainings a seed; those that are finished in DIR are not repeated.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        chosen = _timed(named.recipe(recipe), minutes)
        opened = named.cohort(cohort, terminal)
        yield_threads()
        from trainer.study.loop import ASSUMPTION, Plan, run
        from trainer.study.loop_plot import draw

        shares = tuple(sorted(set(repaired or ()))) or Plan(chosen).repaired
        plan = Plan(chosen, share, shares, tuple(range(seeds)))
        with terminal.meter() as meter:
            listener = Listener(terminal, meter, wish)
            points = run(opened, plan, out, listener.hear)
        draw(points, out / "curve.png")
        document = {"out": str(out), "points": [asdict(one) for one in points]}
        terminal.result(document, _loop_table(points))
        terminal.note(ASSUMPTION)
        terminal.note("labels and Dice are means against sound truths, of what was learned and of"
                      " what was predicted out of fold; recovered is the share of what sound"
                      " labels would add to Dice.")  # fmt: skip


def _timed(recipe: Recipe, minutes: float | None) -> Recipe:
    """The recipe with another time, where one was named."""
    return recipe if minutes is None else recipe.model_copy(update={"minutes": minutes})


def _loop_table(points: list[Point]) -> Table:
    from trainer.study.loop import recovered

    table = Table("order", title="What curating gives", box=SIMPLE, collapse_padding=True)
    for name in ("opened", "actions", "wrong", "labels", "Dice", "least", "most", "recovered"):
        table.add_column(name, justify="right")
    for order, share in dict.fromkeys((one.order, one.share) for one in points):
        own = [one for one in points if (one.order, one.share) == (order, share)]
        dice = [one.dice for one in own]
        gains = [gain for one in own if (gain := recovered(points, one)) is not None]
        table.add_row(
            order or "nothing",
            f"{share:.0%}",
            f"{statistics.mean(one.actions for one in own):.1f}",
            f"{statistics.mean(one.wrong for one in own):.1f}",
            f"{statistics.mean(one.labels for one in own):.3f}",
            *(f"{one:.3f}" for one in (statistics.mean(dice), min(dice), max(dice))),
            f"{statistics.mean(gains):.0%}" if gains else "–",
        )
    return table


@app.command(epilog=PSEUDO_EXAMPLES)
def pseudo(
    cohort: SoundCohort,
    out: StudyFolder,
    recipe: RecipeName = "quick",
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.01, help="Time for all rounds; else the recipe's."),
    ] = None,
    labelled: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Of each organ's labels to keep.")
    ] = 0.33,
    rounds: Annotated[int, typer.Option(min=1, max=5, help="After the one without.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Decides which labels are kept.")] = 0,
    json: JsonOption = False,
) -> None:
    """What do pseudo-labels give? Hide most truths, train in rounds, measure on the hidden ones.

    The recipe's `pseudo` says how a prediction becomes a label. The cohort itself is left as it
    is; a finished round in DIR is not trained again.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        chosen = _timed(named.recipe(recipe), minutes)
        wanted = chosen.pseudo.model_copy(update={"rounds": rounds})
        chosen = chosen.model_copy(update={"pseudo": wanted})
        opened = named.cohort(cohort, terminal)
        yield_threads()
        from trainer.study.pseudo import RUN, Plan, run

        with terminal.meter() as meter, Stopping(out / RUN):
            listener = Listener(terminal, meter, wish)
            found = run(opened, Plan(chosen, labelled, seed), out, listener.hear)
        document = {"out": str(out), "rounds": [asdict(one) for one in found]}
        terminal.result(document, _pseudo_table(found))


def _pseudo_table(rounds: list[Round]) -> Table:
    table = Table("round", title="Dice where labels were hidden, and out of fold where not")
    for name in ("hidden", "median", "out of fold"):
        table.add_column(name, justify="right")
    for one in rounds:
        figures = one.hidden, one.hidden_median, one.out_of_fold
        table.add_row(str(one.number), *(f"{figure:.4f}" for figure in figures))
    return table


@app.command(epilog=EFFORT_EXAMPLES)
def effort(
    cohort: SoundCohort,
    predictions: Annotated[
        Path, typer.Option(metavar="DIR", help="A run's oof folder, where the reviews begin.")
    ],
    target: Annotated[float, typer.Option(min=0.01, max=1, help="Dice to reach.")] = 0.95,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write a row a case and a row an action as csv."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides how truths are corrupted.")] = 0,
    json: JsonOption = False,
) -> None:
    """Count the actions until each case is right: by brush alone, by our tools, and by all.

    A simulated reviewer who knows the truth takes the action that gains most, again and again,
    through the tools of the window. To take truth's side he is offered a corrupted copy.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = named.cohort(cohort, terminal)
        from trainer.data.predictions import Predictions
        from trainer.study.effort import ASSUMPTIONS, Plan, by_organ, write

        kept = Predictions.open(predictions)
        efforts = _reviewed(opened, kept, Plan(target, seed), terminal, wish)
        if not efforts:
            raise CohortError("no case could be reviewed", file=opened.folder)
        if out is not None:
            write(efforts, out)
        organs = by_organ(efforts)
        document = {
            organ: {mode: asdict(one) for mode, one in modes.items()}
            for organ, modes in organs.items()
        }
        terminal.result(document, _effort_table(organs, target))
        for line in ASSUMPTIONS:
            terminal.note(line)


def _reviewed(
    cohort: Cohort, kept: Predictions, plan: Plan, terminal: Terminal, wish: Wish
) -> list[CaseEffort]:
    """Every case's effort; says which could not be reviewed, and stops if the user wishes to."""
    from trainer.study.effort import candidates, run

    wanted, seen = candidates(cohort, kept)
    if seen:
        terminal.note(f"{seen} cases were seen in training and are left out.")
    efforts: list[CaseEffort] = []
    began, done = time.monotonic(), 0
    with terminal.meter() as meter, closing(run(cohort, kept, plan, wanted)) as results:
        for one in results:
            wish.heed()
            done += one is not None
            left = (time.monotonic() - began) / done * (len(wanted) - done) if done else None
            meter.show("Reviewing", done / len(wanted), left)
            if isinstance(one, str):
                terminal.problem(one)
            elif one is not None:
                efforts.append(one)
    return efforts


def _effort_table(organs: dict[str, dict[Mode, Figures]], target: float) -> Table:
    table = Table("organ", "mode", title=f"Actions a case until Dice {target:g} or unit F1 1")
    for name in ("cases", "median", "90 %", "not done", "shorter without"):
        table.add_column(name, justify="right")
    table.add_column("by kind")
    for organ, modes in organs.items():
        for mode, one in modes.items():
            kinds = ", ".join(f"{count} {kind}" for kind, count in one.actions.items())
            figures = str(one.cases), f"{one.median:g}", f"{one.p90:.1f}"
            table.add_row(organ, mode, *figures, str(one.undone), str(one.shorter_without), kinds)
        table.add_section()
    return table


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
    return {
        name: asdict(getattr(study, name))
        for name in ("cases", "cases_by_dice", "units", "units_by_dice")
    }
