"""`hubmap-trainer agreement`: how well reviewers agree, by second looks and opinions."""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.terminal import Terminal

if TYPE_CHECKING:
    from trainer.data.store import Store
    from trainer.review.second_look import Agreement, Pair, Summary

EXAMPLES = """Examples:

hubmap-trainer agreement data

hubmap-trainer agreement data --csv looks.csv --json"""


def agreement(
    cohort: CohortArgument,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a csv, a row a pair of masks.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Dice of masks drawn blind a second time: by the same reviewer, and by another.

    Beside it, as it is not blind, that of cases which two reviewers each drew and stand by.
    """
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        from trainer.export import spare
        from trainer.review import second_look

        store = named.store(opened, terminal)
        organs = {case.id: case.organ for case in opened.cases.values()}
        found = [] if store is None else _pairs(store, organs, terminal)
        if csv is not None:
            spare(opened.folder, csv)
            second_look.write(csv, found)
        rows = second_look.agreement(found)
        document = {
            "organs": [asdict(row) for row in rows],
            "looks": [asdict(pair) | {"intra": pair.intra} for pair in found if pair.blind],
            "opinions": [asdict(pair) for pair in found if not pair.blind],
        }
        terminal.result(document, _table(rows) if rows else "No case has a second look yet.")


def _pairs(store: Store, organs: dict[str, str], terminal: Terminal) -> list[Pair]:
    """What can be compared; the rest is told."""
    from trainer.review.second_look import Pair, opinions, pairs

    found: list[Pair] = []
    for one in chain(pairs(store, organs), opinions(store, organs)):
        if isinstance(one, Pair):
            found.append(one)
        else:
            terminal.problem(one)
    return found


def _table(rows: list[Agreement]) -> Table:
    table = Table("organ", title="Dice of second looks, and of second opinions")
    for kind in ("same reviewer, blind", "another, blind", "another's in sight"):
        for figure in ("n", "mean", "median"):
            table.add_column(f"{kind}, {figure}", justify="right")
    for row in rows:
        table.add_row(row.organ, *_cells(row.intra), *_cells(row.inter), *_cells(row.opinion))
    return table


def _cells(summary: Summary | None) -> tuple[str, str, str]:
    if summary is None:
        return "0", "–", "–"
    return str(summary.n), f"{summary.mean:.3f}", f"{summary.median:.3f}"
