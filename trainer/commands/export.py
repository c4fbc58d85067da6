"""`hubmap-trainer export`: masks in the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.data.exchange import Format, What
from trainer.terminal import Terminal

EXAMPLES = """Examples:

hubmap-trainer export data --what curated --format rle --out submission.csv

hubmap-trainer export data --what curated --as-of runs/fixed --format png --out learned

hubmap-trainer export data --what prediction --predictions predictions --format tiff --out masks"""


def export(
    cohort: CohortArgument,
    what: Annotated[What, typer.Option(help="Whose masks.")],
    format: Annotated[Format, typer.Option(help="rle and coco are one file, others a folder.")],
    out: Annotated[Path, typer.Option(metavar="PATH", help="The file or folder to write.")],
    predictions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder that `predict` has written.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="TIME|RUN",
            help="Curated masks as they were then (ISO, in UTC), or as a run has learned them.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write masks of the images' own size, all of them or none."""
    if what == "prediction" and predictions is None:
        raise typer.BadParameter("--what prediction needs --predictions DIR")
    if what != "curated" and as_of is not None:
        raise typer.BadParameter("--as-of is about --what curated")
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        from trainer.data.predictions import Predictions
        from trainer.export import Selection, write

        store = named.store(opened, terminal) if what == "curated" else None
        folder = None if predictions is None else Predictions.open(predictions)
        kept = None if store is None or as_of is None else named.revisions(store, as_of)
        selection = Selection(opened, what, store, folder, revisions=kept)
        try:
            count = write(selection.masks(), format, out)
        finally:
            for problem in selection.problems:
                terminal.problem(problem)
        terminal.result({"out": str(out), "masks": count}, f"{count} masks in {out}")
