"""`hubmap-trainer suspects`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.review.suspicion import SuspectCase, SuspectUnit

EXAMPLES = """Examples:

hubmap-trainer suspects data --predictions runs/first/oof

hubmap-trainer suspects data --predictions runs/first/oof --csv suspects.csv --json"""

_SHOWN = 20
"""Rows of each table; the csv and the JSON document hold all."""


def suspects(
    cohort: CohortArgument,
    predictions: Annotated[
        Path, typer.Option(metavar="DIR", help="Out-of-fold predictions: RUN/oof.")
    ],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a csv, a row a unit.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Rank truths, and single units of them, by how strongly predictions contradict them.

    Label errors come up first. Suspicion is neither Dice nor the members' disagreement.
    Predictions on cases that the network was trained on are refused.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = named.cohort(cohort, terminal)
        from trainer.data.predictions import Predictions
        from trainer.errors import PredictionError
        from trainer.export import spare
        from trainer.review import suspicion

        folder = Predictions.open(predictions)
        there = folder.ids()
        ids = [one.id for one in opened.cases.values() if one.has_truth and one.id in there]
        cases: list[SuspectCase] = []
        units: list[SuspectUnit] = []
        seen = 0
        with terminal.meter() as meter:
            for step in suspicion.suspects(
                opened, opened.truth, folder, ids, lambda: wish.is_uttered
            ):
                meter.show("Comparing", step.done / step.total, None)
                seen += step.in_sample
                if step.error is not None:
                    terminal.problem(step.error)
                elif step.case is not None:
                    cases.append(step.case)
                    units.extend(step.units)
        if seen:
            terminal.note(f"{seen} cases were seen in training: refused and left out.")
        if not cases:
            told = "no case has both a truth and an out-of-fold prediction"
            raise PredictionError(told, file=predictions, remedy="name a run's folder `oof`")
        cases.sort(key=lambda one: -one.suspicion)
        units.sort(key=lambda one: (-one.suspicion, -one.area))
        if csv is not None:
            spare(opened.folder, csv)
            suspicion.write(csv, units)
        document = {
            "cases": [_of_case(one) for one in cases],
            "units": [_of_unit(one) for one in units],
            "seen_in_training": seen,
        }
        terminal.result(document, _table(cases, units))


def _table(cases: list[SuspectCase], units: list[SuspectUnit]) -> Table:
    table = Table("case", "organ", "suspicion", "what", "row", "column", title="Suspect truths")
    for case in cases[:_SHOWN]:
        table.add_row(case.case_id, case.organ, f"{case.suspicion:.3f}", "the case", "", "")
    table.add_section()
    for unit in units[:_SHOWN]:
        middle = (unit.box[0] + unit.box[2]) // 2, (unit.box[1] + unit.box[3]) // 2
        place = (str(pixel) for pixel in middle)
        table.add_row(unit.case_id, unit.organ, f"{unit.suspicion:.3f}", unit.kind, *place)
    return table


def _of_case(case: SuspectCase) -> dict[str, object]:
    return {
        "id": case.case_id,
        "organ": case.organ,
        "suspicion": round(case.suspicion, 4),
        "dice": round(case.dice, 4),
        "noisy_pixels": round(case.noisy_pixels, 4),
    }


def _of_unit(unit: SuspectUnit) -> dict[str, object]:
    return {
        "id": unit.case_id,
        "organ": unit.organ,
        "kind": unit.kind,
        "suspicion": round(unit.suspicion, 4),
        "box": list(unit.box),
        "area": unit.area,
    }
