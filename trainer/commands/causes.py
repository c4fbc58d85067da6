"""`hubmap-trainer causes`: why each organ fails."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.terminal import Terminal

if TYPE_CHECKING:
    from trainer.data.store import Tag
    from trainer.review.causes import Count

EXAMPLES = """Examples:

hubmap-trainer causes data

hubmap-trainer causes data --csv causes.csv"""


def causes(
    cohort: CohortArgument,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a csv, a row a tag.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Failure causes that reviewers gave cases and findings, counted by organ."""
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        from trainer.export import spare
        from trainer.review.causes import counts, write

        store = named.store(opened, terminal)
        tags = [] if store is None else store.tags.all()
        organs = {case.id: case.organ for case in opened.cases.values()}
        if gone := sum(tag.case_id not in organs for tag in tags):
            terminal.note(f"{gone} tags are of cases that the cohort no longer has.")
        if csv is not None:
            spare(opened.folder, csv)
            write(csv, tags, organs)
        rows = counts(tags, organs)
        document = {
            "counts": [asdict(row) for row in rows],
            "tags": [_as_json(tag) for tag in tags],
        }
        terminal.result(document, _table(rows) if rows else "No failure has a cause yet.")


def _table(rows: list[Count]) -> Table:
    table = Table("organ", "cause", title="Failure causes")
    table.add_column("tags", justify="right")
    table.add_column("cases", justify="right")
    for row in rows:
        table.add_row(row.organ, row.cause, str(row.tags), str(row.cases))
    return table


def _as_json(tag: Tag) -> dict[str, Any]:
    return asdict(tag) | {"created": tag.created.isoformat()}
