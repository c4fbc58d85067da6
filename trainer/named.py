"""What a command line names: a cohort, a recipe, cases; a wrong name is a wrong call."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trainer.locate import resource
from trainer.terminal import Terminal

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.store import Revision, Store
    from trainer.settings import Recipe


def recipe(name: str) -> Recipe:
    """A bundled recipe by its name, or a recipe's YAML."""
    from trainer.settings import read_recipe

    bundled = resource(f"recipes/{name}.yaml")
    if not bundled.is_file() and not Path(name).is_file():
        names = ", ".join(sorted(path.stem for path in resource("recipes").glob("*.yaml")))
        raise typer.BadParameter(f"there is no recipe `{name}`: name a file, or one of {names}")
    return read_recipe(Path(name) if Path(name).is_file() else bundled)


def cohort(path: Path, terminal: Terminal) -> Cohort:
    """Open a cohort, and say what is wrong in it."""
    from trainer.data.cohort import Cohort

    opened = Cohort.open(path)
    for problem in opened.problems:
        terminal.problem(problem)
    return opened


def store(cohort: Cohort, terminal: Terminal) -> Store | None:
    """The cohort's curated masks; reading makes no new database."""
    from trainer.data.store import Store

    if not Store.is_kept(cohort.folder):
        terminal.note(f"{cohort.folder} has no curated masks yet.")
        return None
    return Store.for_cohort(cohort.folder)


def revisions(store: Store, when: str) -> dict[str, Revision]:
    """The curated set as it was at a time, or as a run has used it; by case id."""
    from trainer.export import of_run

    if Path(when).is_dir():
        return of_run(store, Path(when))
    try:
        time = datetime.fromisoformat(when)
    except ValueError:
        raise typer.BadParameter(
            f"`{when}` is neither a run's folder nor a time such as 2026-03-02T15:30"
        ) from None
    return store.as_of(time)


def cases(cohort: Cohort, wanted: list[str] | None) -> list[str]:
    """The named cases, or all of the cohort if none is named."""
    for case_id in wanted or ():
        if case_id not in cohort.cases:
            raise typer.BadParameter(f"there is no case {case_id} in {cohort.folder}")
    return list(dict.fromkeys(wanted or cohort.cases))
