"""`hubmap-trainer calibrate`: the threshold that suits each organ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from trainer import named
from trainer.commands import counted
from trainer.errors import SettingsError, TrainerError
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.predictions import Predictions
    from trainer.review.thresholds import Best

EXAMPLES = """Examples:

hubmap-trainer calibrate data --predictions runs/first/oof

hubmap-trainer calibrate data --predictions runs/first/oof --apply runs/first/ensemble.yaml"""


def calibrate(
    cohort: Annotated[
        Path, typer.Argument(metavar="COHORT", help="The cohort's folder, or its csv.")
    ],
    predictions: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder that `predict` or `train` has written.")
    ],
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="ENSEMBLE.yaml",
            help="Write the advised thresholds into the ensemble these predictions are of;"
            " all else in it stays but comments.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The result as one JSON document.")] = False,
) -> None:
    """The best threshold of each organ, and its gain over 0.5 on cases held out.

    Cases seen in training have no part. A threshold is advised only where its gain over 0.5, on
    folds that had no part in choosing it, exceeds the gain's standard error.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = named.cohort(cohort, terminal)
        from trainer.data.predictions import Predictions
        from trainer.review.histograms import BEFORE_STEPS
        from trainer.review.thresholds import RULE, best, best_by_organ

        folder = Predictions.open(predictions)
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
        terminal.result(document, _table([*organs, every]))


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
    if drawn := [str(one.organ) for one in organs if not one.of_run]:
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
