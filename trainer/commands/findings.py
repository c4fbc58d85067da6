"""`hubmap-trainer findings`: what two masks of each case differ in, as a person would name it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.errors import CohortError, TrainerError
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.case import Case
    from trainer.data.cohort import Cohort
    from trainer.data.predictions import Predictions
    from trainer.review.differences import Difference, OrganLoss
    from trainer.review.masks import Masks, Predicted

EXAMPLES = """Examples:

hubmap-trainer findings data --first truth --second prediction --predictions runs/first/oof

hubmap-trainer findings data --first truth --second redrawn --csv findings.csv

Masks of a folder are named after their case: ID.json (the competition's polygons or GeoJSON),
ID.geojson, ID.tiff or ID.png."""

_MASKS = "truth|prediction|curated|DIR"


def findings(
    cohort: CohortArgument,
    first: Annotated[str, typer.Option(metavar=_MASKS, help="The masks taken as right.")],
    second: Annotated[str, typer.Option(metavar=_MASKS, help="The masks to test.")],
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A folder that `predict` or `train` has written; the findings' confidence is"
            " also of it.",
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a csv, a row a finding.")
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this case; may be repeated.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """What is missed, spurious, merged, split or off at its boundary, and the Dice it costs.

    Images need not be there where the csv names their size. A case that was seen in training
    has no part where its prediction is compared.
    """
    _check(first, second, predictions)
    with Terminal(json).speaking() as terminal, Wish() as wish:
        opened = _cohort(cohort, terminal)
        wanted = named.cases(opened, case)
        from trainer.data.predictions import Predictions
        from trainer.export import spare
        from trainer.review.differences import by_organ, write
        from trainer.review.masks import Predicted

        if csv is not None:
            spare(opened.folder, csv)
        kept = None if predictions is None else Predictions.open(predictions)
        masks = [_masks(name, opened, kept, terminal) for name in (first, second)]
        opinion = None if kept is None else Predicted(opened, kept)
        cases = _paired(opened, wanted, masks, terminal)
        found = list(_found(cases, masks, opinion, terminal, wish))
        if not found:
            raise CohortError("no case could be compared", file=opened.folder)
        if csv is not None:
            write(csv, found)
        rows = by_organ(found)
        document = {
            "organs": [asdict(row) for row in rows],
            "cases": [asdict(one) for one in found],
        }
        terminal.result(document, _table(rows, f"{second} against {first}"))


def _check(first: str, second: str, predictions: Path | None) -> None:
    """Refuse a wrong call."""
    if first == second:
        raise typer.BadParameter(f"--first and --second are both {first}: there is no difference")
    for name in (first, second):
        if name == "prediction" and predictions is None:
            raise typer.BadParameter("prediction needs --predictions DIR")
        if name not in ("truth", "prediction", "curated") and not Path(name).is_dir():
            raise typer.BadParameter(f"there is no folder {name}; wanted {_MASKS}")


def _cohort(path: Path, terminal: Terminal) -> Cohort:
    """Open a cohort, and say what is wrong in it but for images, which are not needed."""
    from trainer.data.cohort import Cohort

    opened = Cohort.open(path)
    missing = {one.problem for one in opened.cases.values()}
    for problem in opened.problems:
        if problem.problem not in missing:
            terminal.problem(problem)
    return opened


def _masks(name: str, cohort: Cohort, kept: Predictions | None, terminal: Terminal) -> Masks:
    from trainer.review.masks import Curated, Folder, Predicted, Truths

    if name == "truth":
        return Truths(cohort)
    if name == "prediction" and kept is not None:
        return Predicted(cohort, kept)
    if name == "curated":
        store = named.store(cohort, terminal)
        if store is None:
            raise CohortError("has no curated masks to compare", file=cohort.folder)
        return Curated(cohort, store)
    return Folder(cohort, Path(name))


def _paired(
    cohort: Cohort, wanted: list[str], masks: list[Masks], terminal: Terminal
) -> list[Case]:
    """The wanted cases that have both masks; says how many have not."""
    common = set.intersection(*(one.ids() for one in masks))
    cases = [cohort.cases[one] for one in wanted if one in common]
    if not cases:
        raise CohortError("no case has both masks", file=cohort.folder)
    if left := len(wanted) - len(cases):
        terminal.note(f"{left} of {len(wanted)} cases lack one of the masks and are left out.")
    return cases


def _found(
    cases: list[Case], masks: list[Masks], opinion: Predicted | None, terminal: Terminal, wish: Wish
) -> Iterator[Difference]:
    """Differences of the cases that the network had not seen; says what cannot be compared."""
    from trainer.review.differences import differences

    seen, began = 0, time.monotonic()
    with terminal.meter() as meter:
        for done, one in enumerate(differences(cases, *masks, opinion=opinion), start=1):
            wish.heed()
            left = (time.monotonic() - began) / done * (len(cases) - done)
            meter.show("Comparing masks", done / len(cases), left)
            if isinstance(one, TrainerError):
                terminal.problem(one)
            elif one.in_sample:
                seen += 1
            else:
                yield one
    if seen:
        terminal.note(f"{seen} cases were seen in training and are left out.")


def _table(rows: list[OrganLoss], title: str) -> Table:
    table = Table("organ", title=f"Findings, and the mean Dice lost to them: {title}")
    for name in ("cases", "mean", "median"):
        table.add_column(name, justify="right")
    table.add_column("kind")
    for name in ("found", "lost", "worst"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        worst = [f"{case} {dice:.3f}" for case, dice in row.worst]
        worst += [""] * (len(row.losses) - len(worst))
        facts = (row.organ, str(row.cases), f"{row.mean:.3f}", f"{row.median:.3f}")
        for (kind, loss), bad in zip(row.losses.items(), worst, strict=True):
            table.add_row(*facts, kind, str(loss.count), f"{loss.loss:.3f}", bad)
            facts = ("",) * 4
        table.add_section()
    return table
