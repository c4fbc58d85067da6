"""`hubmap-trainer calibrate`: what suits each organ, by out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table

from trainer import named
from trainer.commands import counted
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.commands.calibrating import advise, as_json, table
from trainer.errors import SettingsError, TrainerError
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.predictions import Predictions
    from trainer.review.thresholds import Best

EXAMPLES = """Examples:

hubmap-trainer calibrate data --predictions runs/first/oof

hubmap-trainer calibrate data --predictions runs/first/oof --apply runs/first/ensemble.yaml

hubmap-trainer calibrate data --predictions runs/first/oof --predictions runs/second/oof
--write both.yaml --diagram reliability.png"""


def calibrate(
    cohort: CohortArgument,
    predictions: Annotated[
        list[Path],
        typer.Option(
            metavar="DIR",
            help="A folder that `predict` or `train` has written; several runs' are weighted.",
        ),
    ],
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="ENSEMBLE.yaml",
            help="Write the advised thresholds into the ensemble these predictions are of;"
            " all else in it stays but comments.",
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.yaml",
            help="Write a new ensemble with all that is advised: weights of runs, temperatures,"
            " thresholds after these, smallest areas.",
        ),
    ] = None,
    diagram: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw how far probabilities mean what they say."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """The best threshold of each organ, and its gain over 0.5 on cases held out.

    Cases seen in training have no part. A threshold is advised only where its gain over 0.5, on
    folds that had no part in choosing it, exceeds the gain's standard error. So are, one after
    the other: weights of several runs, a temperature, the threshold after it, and a smallest
    area of units.
    """
    if apply is not None and len(predictions) > 1:
        raise typer.BadParameter("--apply is of one run's thresholds: use --write for several")
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = named.cohort(cohort, terminal)
        from trainer.data.predictions import Predictions
        from trainer.review.histograms import BEFORE_STEPS
        from trainer.review.thresholds import RULE, best, best_by_organ

        runs = [Predictions.open(one) for one in predictions]
        folder = runs[0]
        histograms = counted.histograms(opened, folder, terminal, wish)
        if seen := int(histograms.in_sample.sum()):
            terminal.note(f"{seen} cases were seen in training and are left out.")
        if folder.masking.changes_masks:
            terminal.note(BEFORE_STEPS)
        every, organs = best(histograms), best_by_organ(histograms)
        _say_doubts(organs, terminal)
        applied = None if apply is None else _apply(apply, folder, organs, terminal)
        rows = [asdict(one) for one in organs]
        document = {"organs": rows, "all": asdict(every), "rule": RULE, "applied": applied}
        advised = advise(opened, runs, histograms, terminal, wish, write, diagram)
        document |= {"settings": as_json(advised), "written": None if write is None else str(write)}
        terminal.result(document, Group(_table([*organs, every]), table(advised)))


def _apply(
    path: Path, predictions: Predictions, organs: Sequence[Best], terminal: Terminal
) -> dict[str, float] | None:
    """The ensemble's thresholds once those advised are written; None where it refuses them."""
    from trainer.review.thresholds import apply
    from trainer.settings import read_ensemble

    chosen = {str(one.organ): one.threshold for one in organs if not one.within_noise}
    kept = [str(one.organ) for one in organs if one.within_noise]
    try:
        name, wanted = read_ensemble(path).name, predictions.description.get("ensemble")
        if name != wanted:
            raise SettingsError(
                f"is the ensemble `{name}`, these are predictions of `{wanted}`",
                file=path,
                remedy="name the ensemble they were made with",
            )
        after = apply(path, chosen)
    except TrainerError as error:
        terminal.problem(error)
        return None
    if chosen:
        terminal.note(
            f"{path}: written for {', '.join(chosen)}. Predict into {predictions.folder} once"
            " more to evaluate with it; nothing is computed anew."
        )
    if kept:
        terminal.note(f"{path}: left as it was for {', '.join(kept)}.")
    return dict(after.thresholds)


def _say_doubts(organs: Sequence[Best], terminal: Terminal) -> None:
    from trainer.review.thresholds import HIGHEST, LOWEST, RULE

    terminal.note(RULE)
    if alone := [str(one.organ) for one in organs if one.folds < 2]:
        terminal.note(f"{', '.join(alone)}: too few cases to hold any out, so nothing is advised.")
    if drawn := [str(one.organ) for one in organs if not one.of_run and one.folds > 1]:
        terminal.note(
            f"{', '.join(drawn)}: no run names the folds, cases were dealt to up to 5 at random."
        )
    edge = [str(one.organ) for one in organs if one.threshold in (LOWEST, HIGHEST)]
    if edge:
        terminal.note(
            f"{', '.join(edge)}: the best threshold is the end of the range {LOWEST} to"
            f" {HIGHEST}; such probabilities are far from calibrated, more training helps more."
        )


def _table(rows: Sequence[Best]) -> Table:
    title = "Best threshold, its gain over 0.5, and the gain on cases held out"
    table = Table(title=title, box=SIMPLE, collapse_padding=True)
    table.add_column("organ", no_wrap=True)
    for name in ("cases", "best", "Dice", "gain", "held out", "± SE", "sd of folds", "use"):
        table.add_column(name, justify="right")
    for one in rows:
        held_out = (f"{one.cross_validated_gain:+.3f}", f"{one.error:.3f}", f"{one.spread:.3f}")
        table.add_row(
            one.organ or "all",
            str(one.cases),
            f"{one.threshold:g}",
            f"{one.dice:.3f}",
            f"{one.gain:+.3f}",
            *(held_out if one.folds > 1 else ("–", "–", "–")),
            "–" if one.within_noise else f"{one.threshold:g}",
        )
    return table
