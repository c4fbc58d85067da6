"""`hubmap-trainer preview`: what a training will show its network."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.commands.threads import yield_threads
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.errors import CohortError

EXAMPLES = """Examples:

hubmap-trainer preview data --recipe quick --out preview.png

hubmap-trainer preview data --recipe mine.yaml --out preview.png --cases 10 --seed 3

hubmap-trainer preview data --recipe quick --out preview.png --curated"""


def preview(
    cohort: CohortArgument,
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
    curated: Annotated[
        bool, typer.Option("--curated", help="Accepted masks take their cases' truth's place.")
    ] = False,
    json: JsonOption = False,
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
        from trainer.train.preview import gather, sheet, write

        number = chosen.seed if seed is None else seed
        reviews = named.store(opened, terminal) if curated else None
        with terminal.meter() as meter, tempfile.TemporaryDirectory() as scratch:

            def tell(share: float, problem: CohortError | None) -> None:
                wish.heed()
                meter.show("Reading", share, None)
                if problem is not None:
                    terminal.problem(problem)

            samples = gather(
                opened, reviews, chosen, Path(scratch), count=cases, seed=number, tell=tell
            )
            write(out, sheet(samples, chosen, number))
        shown = [sample.case.id for sample in samples]
        terminal.result({"out": str(out), "cases": shown}, f"{len(shown)} cases in {out}")
