"""`hubmap-trainer compare`: two ensembles on the same cases, regressions first."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from trainer import named
from trainer.commands import counted
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.errors import CohortError
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.review.compare import Comparison

_SHOWN = 20
"""Regressions in the table; the csv and the JSON have every case."""

EXAMPLES = """Examples:

hubmap-trainer compare data --before runs/first/oof --after runs/fixed/oof

hubmap-trainer compare data --before old --after new --csv changes.csv --json"""


def compare(
    cohort: CohortArgument,
    before: Annotated[Path, typer.Option(metavar="DIR", help="Predictions to compare with.")],
    after: Annotated[Path, typer.Option(metavar="DIR", help="Predictions to judge.")],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a csv, a row a case.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Which cases got worse and which better, by organ, with a paired test and its caveat.

    Each folder's masks are taken at its own ensemble's thresholds. Cases that either ensemble
    saw in training have no part.
    """
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = named.cohort(cohort, terminal)
        from trainer.export import spare
        from trainer.review import compare as comparing

        first = _scores(opened, before, terminal, wish)
        second = _scores(opened, after, terminal, wish)
        organs = {case_id: case.organ for case_id, case in opened.cases.items()}
        comparison = comparing.compare(first, second, organs)
        if not comparison.rows:
            raise CohortError(f"none of its cases was predicted in {before} too", file=after)
        if count := len(comparison.left_out):
            terminal.note(f"{count} cases are in one of the folders only and are left out.")
        if csv is not None:
            spare(opened.folder, csv)
            comparing.write(csv, comparison)
        terminal.note(comparison.caveat)
        terminal.result(asdict(comparison), _tables(comparison))


def _scores(cohort: Cohort, path: Path, terminal: Terminal, wish: Wish) -> dict[str, float]:
    """Dice of the cases that were not seen in training, at the ensemble's own thresholds.

    Before its post-processing.
    """
    from trainer.data.predictions import Predictions
    from trainer.review.histograms import BEFORE_STEPS

    folder = Predictions.open(path)
    histograms = counted.histograms(cohort, folder, terminal, wish)
    if seen := int(histograms.in_sample.sum()):
        terminal.note(f"{path}: {seen} cases were seen in training and are left out.")
    if folder.masking.changes_masks:
        terminal.note(f"{path}: {BEFORE_STEPS}")
    return histograms.dice_of_unseen(folder.masking)


def _tables(comparison: Comparison) -> Table:
    both = Table.grid(padding=(0, 0, 1, 0))
    both.add_row(_cases(comparison))
    both.add_row(_organs(comparison))
    return both


def _cases(comparison: Comparison) -> Table | str:
    from trainer.review.compare import SAME

    worse = [row for row in comparison.rows if row.change <= -SAME]
    if not worse:
        return "No case got worse."
    more = len(worse) - _SHOWN
    table = Table(
        box=SIMPLE,
        collapse_padding=True,
        title=f"Worse: {len(worse)} of {len(comparison.rows)} cases",
        caption=f"and {more} more: --csv FILE writes every case" if more > 0 else None,
    )
    table.add_column("case")
    table.add_column("organ")
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right")
    for row in worse[:_SHOWN]:
        figures = (f"{row.before:.3f}", f"{row.after:.3f}", f"{row.change:+.3f}")
        table.add_row(row.case_id, row.organ, *figures)
    return table


def _organs(comparison: Comparison) -> Table:
    title = "Mean change of Dice with its 95 % interval; p of Wilcoxon's signed-rank test"
    table = Table(title=title, box=SIMPLE, collapse_padding=True)
    table.add_column("organ", no_wrap=True)
    for name in ("cases", "change", "interval", "better", "worse", "same", "p"):
        table.add_column(name, justify="right")
    for one in comparison.organs:
        table.add_row(
            one.organ,
            str(one.cases),
            f"{one.mean_change:+.3f}",
            f"{one.low:+.3f}…{one.high:+.3f}",
            *(str(count) for count in (one.better, one.worse, one.same)),
            f"{one.p:.2g}",
        )
    return table
