"""`hubmap-trainer plan`: what of a training fits into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from trainer import named
from trainer.commands.arguments import JsonOption
from trainer.terminal import Terminal

if TYPE_CHECKING:
    from trainer.train.plan import Way

EXAMPLES = """Examples:

hubmap-trainer plan --recipe quick --memory 10

hubmap-trainer plan --recipe mine.yaml --memory 24 --json"""


def plan(
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A bundled recipe, or a recipe's YAML.")
    ],
    memory: Annotated[float, typer.Option(metavar="GIB", min=0.1, help="Of the device.")],
    json: JsonOption = False,
) -> None:
    """Which batch, accumulation, precision and checkpointing fit a device, the quickest first.

    Small real steps are measured on this machine's CPU, and what they keep for their way back
    is reckoned up to the recipe's crop. Nothing is downloaded, and no GPU is needed.
    """
    with Terminal(json).speaking() as terminal:
        chosen = named.recipe(recipe)
        from trainer.train.plan import as_document
        from trainer.train.plan import plan as planned

        room = memory * 2**30
        ways = planned(chosen, room)
        document = as_document(ways, chosen, room)
        if not any(way.at_once for way in ways):
            terminal.problem(
                f"not a single crop of {chosen.largest_crop} pixels fits {memory:g} GiB;"
                " lower `crop` or choose a smaller network"
            )
        terminal.result(document, _table(document, ways))


def _table(document: dict[str, Any], ways: list[Way]) -> Table:
    table = Table(
        title=f"{document['recipe']}: steps of {document['step']} crops of {document['crop']}"
        f" pixels in {document['memory'] / 2**30:g} GiB",
        caption="GiB. `batch` is batch_size × accumulate; `at most` what would fit at once;"
        " `saves` is of a crop.\nfp16 takes as much as bf16.",
        box=SIMPLE,
        min_width=64,
    )
    table.add_column("way")
    for name in ("batch", "at most", "weights", "a crop", "in all", "saves"):
        table.add_column(name, justify="right")
    for told, way in zip(document["ways"], ways, strict=True):
        table.add_row(
            f"{way.precision}, checkpointing" if way.checkpointing else way.precision,
            f"{way.batch_size} × {way.accumulate}" if way.batch_size else "nothing",
            str(way.at_once),
            f"{way.weights / 2**30:.2f}",
            f"{way.sample / 2**30:.3f}",
            f"{told['bytes_total'] / 2**30:.2f}",
            f"{told['saves_a_sample']:.0%}",
        )
    return table
