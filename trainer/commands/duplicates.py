"""`hubmap-trainer duplicates`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.terminal import Terminal, Wish

EXAMPLES = """Examples:

hubmap-trainer duplicates data

hubmap-trainer duplicates data --write"""


def duplicates(
    cohort: CohortArgument,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write duplicates.csv (id, group) into the cohort's folder."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Find images that look alike: copies, also turned, mirrored, recoloured or cropped a little.

    A training keeps cases of a group in one fold once duplicates.csv is written; the file may be
    edited by hand.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = named.cohort(cohort, terminal)
        from trainer.review import duplicates as alike
        from trainer.review import groups as kept

        found = {}
        with terminal.meter() as meter:
            for step in alike.hashes(opened, opened.cases, lambda: wish.is_uttered):
                meter.show("Looking at images", step.done / step.total, None)
                if step.error is not None:
                    terminal.problem(step.error)
                elif step.hash is not None:
                    found[step.case_id] = step.hash
        pairs = alike.pairs(found)
        groups = alike.groups(pairs)
        if write:
            terminal.note(f"{kept.write(opened.folder, groups)}: {len(groups)} groups.")
        table = Table("case", "looks like", "distance", title=f"{len(groups)} groups")
        for pair in pairs:
            table.add_row(pair.first, pair.second, f"{pair.distance:.3f}")
        document = {
            "cases": len(found),
            "near": alike.NEAR,
            "pairs": [
                {"first": one.first, "second": one.second, "distance": round(one.distance, 4)}
                for one in pairs
            ],
            "groups": [list(ids) for ids in groups],
        }
        nothing = f"No two of {len(found)} images look alike."
        terminal.result(document, table if pairs else nothing)
