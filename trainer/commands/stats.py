"""`hubmap-trainer stats`: what reviewers have done, and how long it took them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.terminal import Terminal

if TYPE_CHECKING:
    from trainer.review.effort import Effort

_TOOLS = 4
"""That a row names."""

EXAMPLES = """Examples:

hubmap-trainer stats data

hubmap-trainer stats data --json"""


def stats(
    cohort: CohortArgument,
    json: JsonOption = False,
) -> None:
    """Cases, revisions, minutes of active work and actions, by organ and reviewer.

    Actions are counted in this folder's journals: where a team shares a store on a server,
    everybody's own folder knows its own.
    """
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        from trainer.review.effort import efforts, strokes

        store = named.store(opened, terminal)
        revisions = [] if store is None else store.all()
        organs = {case.id: case.organ for case in opened.cases.values()}
        rows = efforts(organs, revisions, strokes(opened.folder, organs))
        document = {"efforts": [asdict(row) for row in rows]}
        terminal.result(document, _table(rows) if rows else "Nobody has reviewed a case yet.")


def _table(rows: list[Effort]) -> Table:
    table = Table("organ", "reviewer", title="Reviewers' work")
    for name in ("cases", "revisions", "minutes", "actions"):
        table.add_column(name, justify="right")
    table.add_column("most used")
    for row in rows:
        figures = (str(row.cases), str(row.revisions), f"{row.minutes:.1f}")
        count = str(sum(row.actions.values()))
        tools = ", ".join(f"{tool} {n}" for tool, n in list(row.actions.items())[:_TOOLS])
        table.add_row(row.organ, row.reviewer, *figures, count, tools)
    return table
