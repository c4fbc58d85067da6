"""`hubmap-trainer bench`: where an ensemble's time goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.errors import CohortError
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.predict.bench import Timing

EXAMPLES = """Examples:

hubmap-trainer bench data --ensemble runs/first

hubmap-trainer bench data --ensemble ensemble.yaml --cases 20 --device cpu --json"""


def bench(
    cohort: CohortArgument,
    ensemble: Annotated[
        Path, typer.Option(metavar="FILE|RUN", help="An ensemble's YAML, or a run's folder.")
    ],
    cases: Annotated[int, typer.Option(metavar="N", min=1, help="The cohort's first so many.")] = 5,
    device: Annotated[
        str | None,
        typer.Option(metavar="D", help="cuda:0, mps, cpu …; the fastest if left out."),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GIB", min=0.1, help="What may be used of the device's memory."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Seconds an image by stage, peak memory, device and batch; nothing is kept.

    The first case is done once more before, unmeasured, to load the networks. `predict` reads
    ahead and writes behind: it takes less than the sum of the stages. Members that were
    trained on a case are timed as well.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = named.cohort(cohort, terminal)
        ids = [one.id for one in opened.cases.values() if one.problem is None][:cases]
        if not ids:
            raise CohortError("has no case that can be opened", file=opened.csv)
        from trainer.predict import bench as timing
        from trainer.predict.device import describe
        from trainer.predict.ensemble import Predictor
        from trainer.settings import read_ensemble

        base = ensemble if ensemble.is_dir() else ensemble.parent
        told = read_ensemble(ensemble)
        with (
            Predictor(told, base, device, memory=memory) as predictor,
            terminal.meter() as meter,
        ):
            found = []
            steps = timing.bench(opened, ids, predictor, lambda: wish.is_uttered)
            for done, one in enumerate(steps, start=1):
                wish.heed()
                found.append(one)
                meter.show(f"Timing {one.case_id}", done / len(ids), None)
            document = {
                "ensemble": told.name,
                "device": describe(predictor.device),
                "batches": predictor.batches,
                "peak_memory": timing.peak_memory(predictor.device),
                **_means(found),
                "cases": [
                    {"case": one.case_id, "total": one.total, **one.seconds} for one in found
                ],
            }
            for notice in predictor.notices:
                terminal.note(notice)
        terminal.result(document, _table(document))


def _means(found: Sequence[Timing]) -> dict[str, Any]:
    """Seconds an image: by stage, of all, and what no stage counts."""
    total = sum(one.total for one in found) / len(found)
    stages = {
        stage: sum(one.seconds[stage] for one in found) / len(found) for stage in found[0].seconds
    }
    return {"total": total, "stages": stages, "rest": total - sum(stages.values())}


def _table(document: dict[str, Any]) -> Table:
    peak = " and ".join(
        f"{size / 2**30:.2f} GiB {'on the device' if where == 'device' else 'of main memory'}"
        for where, size in document["peak_memory"].items()
    )
    batches = ", ".join(f"{one['batch']} × {one['height']}×{one['width']}" for one in
                        document["batches"])  # fmt: skip
    table = Table(
        title=f"{document['ensemble']}, {len(document['cases'])} cases on {document['device']}",
        caption=f"batches {batches}; at most {peak}",
        box=SIMPLE,
        min_width=64,
    )
    table.add_column("stage")
    table.add_column("seconds an image", justify="right")
    table.add_column("share", justify="right")
    total = document["total"]
    for name, seconds in [*document["stages"].items(), ("rest", document["rest"])]:
        table.add_row(name, f"{seconds:.3f}", f"{seconds / total:.0%}")
    table.add_row("all", f"{total:.3f}", "100%")
    return table
