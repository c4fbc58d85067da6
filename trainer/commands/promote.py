"""`hubmap-trainer promote`: a run takes over, by an explicit act."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.terminal import Terminal

if TYPE_CHECKING:
    from trainer.review.compare import Change, Comparison
    from trainer.review.promotion import Candidate

EXAMPLES = """Examples:

hubmap-trainer promote data data/runs/second

hubmap-trainer promote data data/runs/second --apply

hubmap-trainer promote data --back"""


def promote(
    cohort: CohortArgument,
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="The run that is to take over.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Let it take over; else it is only compared.")
    ] = False,
    back: Annotated[
        bool, typer.Option("--back", help="Put in force what was before the last promotion.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Compare a run with the one in force on a frozen development set, and let it take over.

    Gains of Dice an organ come with 95 % bootstrap intervals, and every case that got worse is
    listed. The ensemble in force is COHORT/ensembles/promoted.yaml; the development set is
    COHORT/development.csv, frozen the first time.
    """
    if back == (run is not None) or (back and apply):
        raise typer.BadParameter("name either a RUN or --back")
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        from trainer.review import promotion

        if run is None:
            done = promotion.back(opened)
            told = f"{done.run} is in force again." if done.run else "No run is in force any more."
            terminal.result({"in_force": done.run}, told)
            return
        candidate = promotion.judge(opened, named.store(opened, terminal), run)
        for problem in candidate.problems:
            terminal.problem(problem)
        if apply:
            promotion.promote(opened, run)
        document = _document(candidate) | {"applied": apply}
        terminal.result(document, _told(candidate, apply))


def _told(candidate: Candidate, applied: bool) -> RenderableType:
    last = (
        f"{candidate.run} is in force now; `promote COHORT --back` takes it back."
        if applied
        else "Nothing was changed: --apply lets it take over."
    )
    found = candidate.comparison
    if found is None:
        return Group(_first(candidate), "Nothing was in force to compare it with.", last)
    worse = [row for row in found.rows if row.change < 0]
    parts: list[RenderableType] = [_gains(candidate, found), found.caveat]
    if found.left_out:
        parts.append(f"{len(found.left_out)} cases that only one of the two has are left out.")
    parts.append(_worse(worse) if worse else "No case got worse.")
    return Group(*parts, last)


def _first(candidate: Candidate) -> Table:
    from trainer.review.promotion import by_organ

    table = Table("organ", "cases", "Dice", title=f"{candidate.run} on the development set")
    for organ, each in sorted(by_organ(candidate).items()):
        table.add_row(organ, str(len(each)), f"{statistics.mean(each):.3f}")
    return table


def _gains(candidate: Candidate, found: Comparison) -> Table:
    title = f"Dice on the development set, from {candidate.in_force} to {candidate.run}"
    table = Table("organ", "cases", "gain", "95 %", "p", "better", "worse", title=title)
    for one in found.organs:
        interval = f"{one.low:+.4f} to {one.high:+.4f}"
        counts = str(one.better), str(one.worse)
        figures = f"{one.mean_change:+.4f}", interval, f"{one.p:.3f}"
        table.add_row(one.organ, str(one.cases), *figures, *counts)
    return table


def _worse(rows: list[Change]) -> Table:
    table = Table("case", "organ", "before", "after", "change", title=f"{len(rows)} got worse")
    for row in rows:
        figures = f"{row.before:.3f}", f"{row.after:.3f}", f"{row.change:+.4f}"
        table.add_row(row.case_id, row.organ, *figures)
    return table


def _document(candidate: Candidate) -> dict[str, object]:
    found = candidate.comparison
    return {
        "run": candidate.run,
        "in_force": candidate.in_force,
        "dice": candidate.dice,
        "organs": [] if found is None else [asdict(one) for one in found.organs],
        "worse": [] if found is None else [asdict(row) for row in found.rows if row.change < 0],
        "left_out": [] if found is None else list(found.left_out),
    }
