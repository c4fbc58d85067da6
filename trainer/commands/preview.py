"""`hubmap-trainer preview`: what a training will show its network."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from trainer import named
from trainer.commands.threads import yield_threads
from trainer.errors import CohortError, TrainerError
from trainer.terminal import Terminal, Wish

EXAMPLES = """Examples:

hubmap-trainer preview data --recipe quick --out preview.png

hubmap-trainer preview data --recipe mine.yaml --out preview.png --cases 10 --seed 3"""


def preview(
    cohort: Annotated[
        Path, typer.Argument(metavar="COHORT", help="The cohort's folder, or its csv.")
    ],
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A bundled recipe, or a recipe's YAML.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The PNG to write.")],
    cases: Annotated[
        int, typer.Option(metavar="N", min=1, help="Labelled cases shown, of all organs alike.")
    ] = 5,
    seed: Annotated[
        int | None, typer.Option(metavar="S", min=0, help="Of chance; else the recipe's.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The result as one JSON document.")] = False,
) -> None:
    """Draw a sheet of what the network will see: a row a case, its mask outlined.

    First comes the whole image, then crops of it as the recipe's augmentation, stains and sizes
    make them. The same seed draws the same sheet.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        chosen = named.recipe(recipe)
        opened = named.cohort(cohort, terminal)
        from trainer.export import spare

        spare(opened.folder, out)
        yield_threads()
        from trainer.train.dataset import load
        from trainer.train.labels import Labels
        from trainer.train.preview import choose, sheet, write

        number = chosen.seed if seed is None else seed
        labels = Labels.gather(opened, None, chosen.labels)
        wanted = {case.id for case in choose(labels.cases(), cases, number)}
        samples = []
        with terminal.meter() as meter, tempfile.TemporaryDirectory() as scratch:
            for done, item in enumerate(load(labels, chosen, Path(scratch), only=wanted), start=1):
                wish.heed()
                meter.show("Reading", done / len(wanted), None)
                if isinstance(item, TrainerError):
                    terminal.problem(item)
                else:
                    samples.append(item)
            if not samples:
                raise CohortError("has no labelled case that can be shown", file=opened.csv)
            write(out, sheet(samples, chosen, number))
        shown = [sample.case.id for sample in samples]
        terminal.result({"out": str(out), "cases": shown}, f"{len(shown)} cases in {out}")
