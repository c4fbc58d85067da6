"""`hubmap-trainer evaluate`: predictions against truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.commands.dice_table import as_json, by_organ
from trainer.errors import CohortError, TrainerError
from trainer.terminal import Terminal

if TYPE_CHECKING:
    from trainer.object_metrics import ObjectScores

EXAMPLES = """Examples:

hubmap-trainer evaluate data --predictions runs/first/oof

hubmap-trainer evaluate data --predictions predictions --csv dice.csv --json"""


def evaluate(
    cohort: CohortArgument,
    predictions: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder that `predict` has written.")
    ],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a csv, a row a case.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Dice and IoU of predictions against truth, by case and by organ.

    Unit by unit too, by the 2015 gland contest's measures: detection F1, object Dice, and object
    Hausdorff in pixels of the image; the means over cases, and of all cases as one set of units,
    which is what the contest gives.
    """
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        from trainer.data.predictions import Predictions
        from trainer.export import spare
        from trainer.object_metrics import as_one
        from trainer.train import report

        folder = Predictions.open(predictions)
        there = folder.ids()
        cases = [one for one in opened.cases.values() if one.has_truth and one.id in there]
        found = []
        for score in report.scores(cases, opened.truth, folder, objects=True):
            if isinstance(score, TrainerError):
                terminal.problem(score)
            else:
                found.append(score)
        if not found:
            raise CohortError("no case has both a truth and a prediction", file=predictions)
        if seen := sum(score.in_sample for score in found):
            terminal.note(f"{seen} cases were seen in training: their Dice is too good.")
        if csv is not None:
            spare(opened.folder, csv)
            report.write_cases(csv, found)
        rows = report.by_organ(found)
        units = as_one(score.units for score in found if score.units is not None)
        document = {
            "cases": [as_json(score, "units") for score in found],
            "organs": [as_json(row) for row in rows],
            "units": as_json(units) | {"hausdorff": units.finite_hausdorff},
        }
        terminal.result(document, Group(by_organ(rows, "Dice against truth"), _as_a_set(units)))


def _as_a_set(units: ObjectScores) -> str:
    far = units.finite_hausdorff
    distance = "" if far is None else f", object Hausdorff {far:.1f}"
    return (
        f"All units as one set ({units.found} found, {units.true} true): "
        f"F1 {units.f1:.3f}, object Dice {units.dice:.3f}{distance}."
    )
