"""`hubmap-trainer runs`: the cohort's leader board."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table

from trainer import named
from trainer.commands.arguments import JsonOption
from trainer.terminal import Terminal

if TYPE_CHECKING:
    from trainer.review.leader_board import Board, RunRow

EXAMPLES = """Examples:

hubmap-trainer runs data

hubmap-trainer runs data elsewhere/runs --json

hubmap-trainer runs data --score data/runs/first 0.78"""


def runs(
    cohort: Annotated[
        Path, typer.Argument(metavar="COHORT", help="The cohort's folder; its runs/ is searched.")
    ],
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER]…", help="Runs, or folders of runs, that lie elsewhere."),
    ] = None,
    score: Annotated[
        tuple[Path, str] | None,
        typer.Option(metavar="RUN SCORE", help="Keep a run's public score, or none of it."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Runs side by side: cross-validated Dice, the labels it is of, what changed, whom to trust.

    Runs that were scored on other masks are listed after those of the newest, and not compared.
    """
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        from trainer.review.leader_board import board, enter_score, score_of

        if score is not None:
            enter_score(score[0], score_of(score[1]))
        found = board(opened, folders or ())
        for problem in found.problems:
            terminal.problem(problem)
        nothing = f"There is no run in {opened.folder / 'runs'}."
        table = Group(_table(found), _changes(found), found.advice) if found.rows else nothing
        terminal.result(_document(found), table)


def _table(found: Board) -> Table:
    organs = sorted({organ for row in found.rows for organ in row.organs}, key=_all_last)
    table = Table("run", "started (UTC)", *organs, "labels", "public", title="Dice ± sd over cases")
    for row in found.rows:
        cells = (
            f"{row.organs[organ].mean:.3f} ± {row.organs[organ].sd:.3f}"
            if organ in row.organs
            else "–"
            for organ in organs
        )
        name = f"{row.name} (trusted)" if row.name == found.trusted else row.name
        public = "–" if row.public is None else f"{row.public:g}"
        table.add_row(name, row.started[:16], *cells, _labels(row), public)
    return table


def _all_last(organ: str) -> tuple[bool, str]:
    return organ == "all", organ


def _labels(row: RunRow) -> str:
    if not row.finished:
        return "not finished"
    if not row.version:
        return "–"
    newest = f", newest {row.newest[:16]}" if row.newest else ""
    return f"{row.version[:8]}, {row.curated} curated{newest}"


def _changes(found: Board) -> Table:
    table = Table("run", "start", "since", "changed")
    for row in found.rows:
        told = "\n".join(row.changes) or ("nothing" if row.parent else "–")
        table.add_row(row.name, row.start, row.parent or "–", told)
    return table


def _document(found: Board) -> dict[str, object]:
    rows = []
    for row in found.rows:
        plain = asdict(row) | {"folder": str(row.folder), "changes": list(row.changes)}
        plain.pop("dice")
        rows.append(plain)
    return {"runs": rows, "trusted": found.trusted, "advice": found.advice}
