"""A cohort's runs side by side: what each is worth, what changed, and which to trust."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trainer.data.atomic import replacing
from trainer.data.cohort import Cohort
from trainer.errors import SettingsError, TrainerError
from trainer.review.compare import ALL, compare
from trainer.review.run_files import RunFiles, flat, rows_of

RUNS = "runs"
"""Folder in a cohort's where its runs are looked for."""

RULE = (
    "Cross-validation is trusted over the public score: the one is measured on every case of the"
    " cohort, the other on a part of the test, to which choosing by it fits; among the top 100 of"
    " the competition of 2022 the ranks by public and by final score agreed with Kendall's tau"
    " 0.15 (its hosts' stability analysis)."
)


@dataclass(frozen=True, slots=True)
class OrganDice:
    """Dice over an organ's held-out cases: mean and standard deviation."""

    cases: int
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the board shows it.

    Attributes
    ----------
    name
        Its folder's.
    started, finished
        In UTC, ISO 8601; `finished` is empty of one that is not.
    organs
        By organ, and `ALL`; empty where nothing was held out.
    dice
        By case.
    version
        Digest of the masks that it was scored on; empty where the run does not say.
    curated, newest
        How many of these were curated, and when the newest of them was.
    start
        What its members went on from: ``scratch``, or a run's name.
    public
        The public score, if the user has entered one.
    parent
        The run that `changes` are told against: the one it started from, else the one before.
    changes
        From its parent to it, a clause each.
    """

    folder: Path
    name: str
    started: str
    finished: str
    organs: dict[str, OrganDice]
    dice: dict[str, float]
    version: str
    curated: int
    newest: str
    start: str
    public: float | None
    parent: str = ""
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """All runs of a cohort.

    Attributes
    ----------
    rows
        Best cross-validated Dice first, those of the newest label version before the others.
    trusted
        Name of the run to trust; empty where none is measured.
    advice
        Why, in a few sentences.
    """

    rows: tuple[RunRow, ...]
    trusted: str
    advice: str
    problems: list[TrainerError] = field(default_factory=list)


def board(cohort: Cohort, folders: Iterable[Path] = ()) -> Board:
    """Find a cohort's runs, and rank them.

    Parameters
    ----------
    cohort
        Whose ``runs`` folder is looked through.
    folders
        Runs, or folders of runs, that lie elsewhere.
    """
    problems: list[TrainerError] = []
    found: list[tuple[RunRow, RunFiles]] = []
    for folder in _places(cohort.folder, folders, problems):
        try:
            said = RunFiles.read(folder)
            if not said.cases.keys() & cohort.cases.keys():
                raise SettingsError("was trained on another cohort", file=folder)
            found.append((_row(said), said))
        except TrainerError as error:
            problems.append(error)
    found.sort(key=lambda one: one[0].started)
    rows = _named_apart([_compared(index, found) for index in range(len(found))])
    current = next((row.version for row in reversed(rows) if row.version), "")
    rows.sort(key=lambda row: (row.version != current or not row.organs, -_mean(row)))
    trusted, advice = _advice(rows, current)
    return Board(tuple(rows), trusted, advice, problems)


def score_of(text: str) -> float | None:
    """The public score that a user has typed; None where it is to be taken away.

    Raises
    ------
    SettingsError
        If that is no number, nor nothing or ``none``.
    """
    if text.strip().lower() in ("", "none"):
        return None
    try:
        score = float(text.replace(",", "."))
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise SettingsError(f"“{text}” is no score", remedy="give a number such as 0.78, or none")
    return score


def enter_score(folder: Path, score: float | None) -> None:
    """Keep a run's public score in its ``run.json``; None takes it away.

    Raises
    ------
    SettingsError
        If the folder holds no run or cannot be written.
    """
    facts = RunFiles.read(folder).facts | {"public_score": score}
    with replacing(folder / "run.json", SettingsError) as draft:
        draft.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _places(cohort: Path, folders: Iterable[Path], problems: list[TrainerError]) -> Iterator[Path]:
    """Folders with a ``run.json``, each once."""
    seen = set[Path]()
    for place in (cohort / RUNS, *folders):
        there = [place] if (place / "run.json").is_file() else []
        there += sorted(file.parent for file in place.glob("*/run.json"))
        if not there and place != cohort / RUNS:
            problems.append(SettingsError("holds no run", file=place, remedy="name a run's folder"))
        for folder in there:
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                yield folder


def _row(said: RunFiles) -> RunRow:
    scored = said.facts.get("scored_on") or {}
    start = said.facts.get("start", "scratch")
    return RunRow(
        folder=said.folder,
        name=said.folder.resolve().name,
        started=str(said.facts.get("started") or ""),
        finished=str(said.facts.get("finished") or ""),
        organs=_organs(said.folder / "report.csv"),
        dice={row["id"]: float(row["dice"]) for row in rows_of(said.folder / "cases.csv")},
        version=str(scored.get("digest", "")),
        curated=int(scored.get("curated", 0)),
        newest=str(scored.get("newest") or ""),
        start=start["run"] if isinstance(start, dict) else str(start),
        public=said.facts.get("public_score"),
    )


def _organs(path: Path) -> dict[str, OrganDice]:
    return {
        row["organ"]: OrganDice(int(row["cases"]), float(row["dice_mean"]), float(row["dice_sd"]))
        for row in rows_of(path)
    }


def _compared(index: int, found: Sequence[tuple[RunRow, RunFiles]]) -> RunRow:
    """A run with what changed since its parent; `found` is in the order of time."""
    row, said = found[index]
    earlier = found[:index]
    named = [one for one in earlier if one[0].name == row.start]
    parents = named or earlier
    if not parents:
        return row
    parent, before = parents[-1]
    changes = [*_recipe_changes(before.recipe, said.recipe), *_label_changes(before, said)]
    return replace(row, parent=parent.name, changes=tuple(changes))


def _recipe_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = dict(flat(before)), dict(flat(after))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{key}: {_short(old.get(key))} → {_short(new.get(key))}"


def _short(value: object) -> str:
    return "–" if value is None else json.dumps(value, ensure_ascii=False).strip('"')


def _label_changes(before: RunFiles, after: RunFiles) -> Iterator[str]:
    new = [one for one, number in after.revisions.items() if before.revisions.get(one) != number]
    gone = before.revisions.keys() - after.revisions.keys()
    if new:
        yield f"{len(new)} revisions added ({_some(new)})"
    if gone:
        yield f"{len(gone)} revisions less ({_some(sorted(gone))})"
    for told, ids in (
        ("more", after.cases.keys() - before.cases.keys()),
        ("fewer", before.cases.keys() - after.cases.keys()),
    ):
        if ids:
            yield f"{len(ids)} cases {told} ({_some(sorted(ids))})"


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) + (" …" if len(ids) > 3 else "")


def _mean(row: RunRow) -> float:
    return row.organs[ALL].mean if ALL in row.organs else 0.0


def _named_apart(rows: list[RunRow]) -> list[RunRow]:
    """The rows; those of one name under their paths."""
    names = [row.name for row in rows]
    return [
        row if names.count(row.name) == 1 else replace(row, name=str(row.folder)) for row in rows
    ]


def _advice(rows: Sequence[RunRow], version: str) -> tuple[str, str]:
    """Which of the runs that were scored on a version's masks to trust; the best comes first."""
    measured = [row for row in rows if row.organs and row.version == version]
    if not measured:
        return "", "No run has out-of-fold predictions to judge by."
    best = measured[0]
    told = f"Trust {best.name}: cross-validated Dice {_mean(best):.4f}"
    told += f" on {best.organs[ALL].cases} cases."
    public = [row for row in rows if row.public is not None]
    favourite = max(public, key=lambda row: row.public or 0.0, default=best)
    if favourite is not best:
        theirs = "" if best.public is None else f" against {best.public:g}"
        told += f" {favourite.name} has the better public score ({favourite.public:g}{theirs})"
        told += ", and is not trusted for it."
    if favourite is not best and favourite not in measured:
        told += " It was scored on other cases or masks: evaluate it on these to compare."
    elif favourite is not best or len(measured) > 1:
        told += _chance(favourite if favourite is not best else measured[1], best)
    return best.name, f"{told}{_apart(rows, version, _mean(best))} {RULE}"


def _apart(rows: Sequence[RunRow], version: str, dice: float) -> str:
    """Why runs of a higher Dice come after the best; mostly nothing."""
    higher = [row for row in rows if row.organs and row.version != version and _mean(row) > dice]
    return "".join(
        f" {row.name}'s Dice of {_mean(row):.4f} is of "
        + ("other masks" if row.version else "masks that its run does not name")
        + ", so it says nothing against that."
        for row in higher
    )


def _chance(other: RunRow, best: RunRow) -> str:
    """Whether one run's lead over another is more than luck, case by case."""
    organs = dict.fromkeys(best.dice.keys() & other.dice.keys(), ALL)
    if not organs:
        return ""
    found = compare(other.dice, best.dice, organs).organs[0]
    beyond = "within chance" if found.low <= 0 <= found.high else "beyond chance"
    return (
        f" The lead over {other.name} is {found.mean_change:+.4f},"
        f" 95 % interval {found.low:+.4f} to {found.high:+.4f}: {beyond}."
    )
