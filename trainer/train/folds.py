"""Cases to folds, each organ spread evenly, cases of a group together."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from trainer.data import table
from trainer.data.case import Case
from trainer.errors import SettingsError
from trainer.settings import Recipe
from trainer.settings.folds import Spread

NO_GROUPS: Mapping[str, str] = MappingProxyType({})

UNKNOWN = "unknown"
"""The data source of cases whose csv cell is empty."""

_YEARS = 20
"""Of a bin of ages."""


@dataclass(frozen=True, slots=True)
class Folds:
    """Which cases which member never sees.

    Attributes
    ----------
    fold_of
        Case id to the fold that holds it out; None for a case that every member sees.
    trained
        The folds whose member is trained, in order.
    group_of
        Group by case id, of cases that must not be parted.
    """

    fold_of: Mapping[str, int | None]
    trained: tuple[int, ...]
    group_of: Mapping[str, str]

    def held_out(self, fold: int) -> set[str]:
        """Ids of the cases that the fold's member must not see and is measured on."""
        return {case_id for case_id, one in self.fold_of.items() if one == fold}

    def training(self, fold: int) -> set[str]:
        """Ids that its member learns from: neither held out, nor of a group with one that is."""
        out = self.held_out(fold)
        groups = {self.group_of[case_id] for case_id in out if case_id in self.group_of}
        return {
            case_id
            for case_id in self.fold_of
            if case_id not in out and self.group_of.get(case_id) not in groups
        }

    def measured(self) -> list[str]:
        """Ids of the cases that a trained member has not seen, in their order."""
        return [case_id for case_id, fold in self.fold_of.items() if fold in self.trained]


def deal(cases: Sequence[Case], recipe: Recipe, group_of: Mapping[str, str], base: Path) -> Folds:
    """Folds as a recipe wants them.

    Parameters
    ----------
    cases
        That are learned from.
    recipe
        Its ``folds``, ``hold_out`` and ``seed``.
    group_of
        Group by case id, of cases that must not be parted.
    base
        What the ``file`` of folds is relative to.

    Raises
    ------
    SettingsError
        If there are too few cases or sources, the file cannot be read or lacks a case, or there
        is no fold that the recipe names.
    """
    rule = recipe.hold_out
    if rule.by == "nothing":
        return Folds({case.id: None for case in cases}, (0,), group_of)
    if rule.file is not None:
        fold_of = _read(base / rule.file, cases)
    elif rule.by == "source":
        fold_of = _by_source(cases)
    else:
        fold_of = split(cases, recipe.folds, recipe.seed, group_of, rule.spread)
    there = sorted(set(fold_of.values()))
    if missing := set(rule.only) - set(there):
        raise SettingsError(
            f"`hold_out.only` names fold {min(missing)}, and there are {len(there)},"
            " counted from 0",
            remedy="correct the recipe",
        )
    return Folds(fold_of, tuple(sorted(rule.only)) or tuple(there), group_of)


def split(
    cases: Iterable[Case],
    k: int,
    seed: int,
    group_of: Mapping[str, str] = NO_GROUPS,
    spread: Sequence[Spread] = (),
) -> dict[str, int]:
    """The fold that holds each case out.

    Cases of an organ are shuffled and dealt, each to the fold that has fewest of the organ, then
    fewest of its source, sex or age within the organ, then fewest of all. So an organ's counts
    differ by at most one between folds, also where an organ has fewer cases than there are
    folds; and if nothing else is spread, so do the totals. Cases of a group go to one fold, the
    largest groups first, which the other cases then even out as far as they can.

    Parameters
    ----------
    cases
        To be dealt.
    k
        How many folds.
    seed
        Of the shuffling.
    group_of
        Group by case id, of cases that must not be parted.
    spread
        What is spread evenly besides organs.

    Returns
    -------
    dict
        Case id to fold, 0 to ``k - 1``, in the order of `cases`.

    Raises
    ------
    SettingsError
        If there are fewer cases than folds, a group counted as one.
    """
    of = {case.id: case for case in cases}
    organ_of = {case_id: case.organ for case_id, case in of.items()}
    traits_of = {case_id: _traits(case, spread) for case_id, case in of.items()}
    blocks = _blocks(organ_of, traits_of, group_of, random.Random(seed))
    if len(blocks) < k:
        grouped = len(organ_of) - len(blocks)
        alike = f" ({len(organ_of)}, but images that look alike count once)" if grouped else ""
        raise SettingsError(
            f"{k} folds need at least {k} cases with a mask, and there are {len(blocks)}{alike}",
            remedy="lower `folds` in the recipe or label more cases",
        )
    organs = [Counter[str]() for _ in range(k)]
    traits = [Counter[tuple[str, ...]]() for _ in range(k)]
    fold_of: dict[str, int] = {}
    for block in blocks:
        organ, own = organ_of[block[0]], traits_of[block[0]]

        def burden(one: int, organ: str = organ, own: _Traits = own) -> tuple[int, ...]:
            alike = sum(traits[one][trait] for trait in own)
            return organs[one][organ], alike, organs[one].total(), one

        fold = min(range(k), key=burden)
        for case_id in block:
            fold_of[case_id] = fold
            organs[fold][organ_of[case_id]] += 1
            traits[fold].update(traits_of[case_id])
    return {case_id: fold_of[case_id] for case_id in organ_of}


_Traits = tuple[tuple[str, ...], ...]


def _traits(case: Case, spread: Sequence[Spread]) -> _Traits:
    """What a case is besides its organ, within which it is spread."""
    told = {
        "source": case.data_source or UNKNOWN,
        "sex": case.sex or UNKNOWN,
        "age": UNKNOWN if case.age is None else str(int(case.age // _YEARS)),
    }
    return tuple((case.organ, name, told[name]) for name in spread)


def _blocks(
    organ_of: Mapping[str, str],
    traits_of: Mapping[str, _Traits],
    group_of: Mapping[str, str],
    chance: random.Random,
) -> list[list[str]]:
    """What is dealt as one, in its order: organ by organ, the largest first, alike ones in turn."""
    organs: defaultdict[str, list[str]] = defaultdict(list)
    for case_id, organ in organ_of.items():
        organs[organ].append(case_id)
    together: dict[tuple[str, str], list[str]] = {}
    for organ in sorted(organs):
        for case_id in chance.sample(sorted(organs[organ]), len(organs[organ])):
            key = ("group", group_of[case_id]) if case_id in group_of else ("case", case_id)
            together.setdefault(key, []).append(case_id)
    return sorted(
        together.values(), key=lambda ids: (organ_of[ids[0]], -len(ids), traits_of[ids[0]])
    )


def _by_source(cases: Sequence[Case]) -> dict[str, int]:
    """A fold a data source, in alphabetical order."""
    sources = sorted({case.data_source or UNKNOWN for case in cases})
    if len(sources) < 2:
        raise SettingsError(
            f"`hold_out: {{by: source}}` needs two data sources, and there is {len(sources)}",
            remedy="fill in the cohort's `data_source`, or leave the line out",
        )
    return {case.id: sources.index(case.data_source or UNKNOWN) for case in cases}


def _read(path: Path, cases: Sequence[Case]) -> dict[str, int]:
    """Folds that somebody has dealt already, of which every case must have one."""
    if not path.is_file():
        remedy = "correct `hold_out.file`; it is relative to the cohort's folder"
        raise SettingsError("there is no such file", file=path, remedy=remedy)
    rows = table.lines(path)
    header = next(rows, None)
    names = [] if header is None else [cell.strip() for cell in header.cells]
    if missing := {"id", "fold"} - set(names):
        told = f"the column {' and '.join(sorted(missing))} is missing"
        raise SettingsError(told, file=path, row=1, remedy="give it id,fold")
    told_of: dict[str, int] = {}
    for line in rows:
        cells = dict(zip(names, (cell.strip() for cell in line.cells), strict=False))
        case_id, fold = cells.get("id", ""), cells.get("fold", "")
        if not (fold.isascii() and fold.isdigit()):
            remedy = "number folds from 0"
            raise SettingsError(f"`{fold}` is no fold", file=path, row=line.row, remedy=remedy)
        if case_id in told_of:
            told = f"the id {case_id} is there twice"
            raise SettingsError(told, file=path, row=line.row, remedy="take one away")
        told_of[case_id] = int(fold)
    if without := [case.id for case in cases if case.id not in told_of]:
        raise SettingsError(
            f"names no fold for {len(without)} cases, such as {without[0]}",
            file=path,
            remedy="add a row for each",
        )
    return {case.id: told_of[case.id] for case in cases}
