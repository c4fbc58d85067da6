"""`hubmap-trainer history`: how a case's curated mask came to be."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.terminal import Terminal

if TYPE_CHECKING:
    from trainer.data.store import Revision

EXAMPLES = """Example:

hubmap-trainer history data 10044"""


def history(
    cohort: CohortArgument,
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")],
    json: JsonOption = False,
) -> None:
    """The revisions of a case's curated mask, oldest first."""
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        named.cases(opened, [case])
        store = named.store(opened, terminal)
        revisions = [] if store is None else store.history(case)
        document = {"case": case, "revisions": [_as_json(one) for one in revisions]}
        empty = f"{case} has no curated mask yet."
        terminal.result(document, _table(revisions) if revisions else empty)


def _table(revisions: list[Revision]) -> Table:
    """Five columns, so that it fits a terminal; the JSON tells all."""
    table = Table("revision", "made (UTC)", "by", "verdict", "mask")
    for one in revisions:
        made = f"{one.created:%Y-%m-%d %H:%M}\n{one.author}"
        verdict = one.status if one.reason is None else f"{one.status}: {one.reason}"
        table.add_row(str(one.id), made, _tool(one), _lines(verdict, one.note), _mask(one))
    return table


def _tool(revision: Revision) -> str:
    from trainer.tools.sides import SETTLED

    told = [
        f"{name} {len(value) if name == SETTLED else value}"
        for name, value in revision.parameters.items()
    ]
    return _lines(revision.tool, ", ".join(told))


def _mask(revision: Revision) -> str:
    work = f"{revision.pixels} px, {revision.seconds:.0f} s"
    start = revision.started_from
    if start is None:
        return _lines(revision.origin, work)
    sure = "" if start.confidence is None else f", confidence {start.confidence:.2f}"
    return _lines(revision.origin, work, f"{start.name} at {start.threshold:g}{sure}")


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _as_json(revision: Revision) -> dict[str, Any]:
    return asdict(revision) | {"created": str(revision.created), "shape": list(revision.shape)}
