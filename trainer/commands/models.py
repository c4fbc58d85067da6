"""`hubmap-trainer models`: encoders and decoders that are tested, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from trainer.commands.arguments import JsonOption
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.model.catalogue import Cost

EXAMPLES = """Examples:

hubmap-trainer models

hubmap-trainer models --filter "mit segformer" --json"""


def models(
    filter: Annotated[
        str, typer.Option(metavar="TEXT", help="Only names that hold all of these words.")
    ] = "",
    count: Annotated[
        bool, typer.Option("--count", help="Count anew, not as it comes with the program.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Encoders and decoders that are tested together, with parameters, multiply-adds, licence.

    Each is two words of a recipe: `encoder` and `decoder` under `network`. Others of timm and
    smp work too; what does not go together is said before a training starts.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        from trainer.model import catalogue

        wanted = [pair for pair in catalogue.TESTED if _holds(" ".join(pair), filter)]
        known = {} if count else catalogue.known()
        found = []
        with terminal.meter() as meter:
            for pair in wanted:
                wish.heed()
                if pair not in known:
                    meter.show(f"Counting {pair[0]}", len(found) / len(wanted), None)
                found.append(known.get(pair) or catalogue.count(*pair))
        nothing = f"No tested network is called `{filter}`."
        terminal.result(
            catalogue.as_document(found), _table(found, catalogue.SIDE) if found else nothing
        )


def _holds(names: str, words: str) -> bool:
    return all(word in names.lower() for word in words.lower().split())


def _table(rows: list[Cost], side: int) -> Table:
    table = Table(box=SIMPLE, title=f"multiply-adds are of one image of {side}×{side}")
    table.add_column("encoder", no_wrap=True)
    table.add_column("decoder", no_wrap=True)
    table.add_column("parameters", justify="right")
    table.add_column("multiply-adds", justify="right")
    table.add_column("weights' licence")
    for row in rows:
        table.add_row(
            row.encoder,
            row.decoder,
            f"{row.parameters / 1e6:.1f} M",
            f"{row.macs / 1e9:.1f} G",
            row.licence or "not stated",
        )
    return table
