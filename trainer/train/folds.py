"""Cases to folds, each organ spread evenly, cases of a group together."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from trainer.data.case import Case
from trainer.errors import SettingsError

NO_GROUPS: Mapping[str, str] = MappingProxyType({})


def split(
    cases: Iterable[Case], k: int, seed: int, group_of: Mapping[str, str] = NO_GROUPS
) -> dict[str, int]:
    """The fold that holds each case out.

    Cases of an organ are shuffled and dealt, each to the fold that has fewest of the organ, then
    fewest of all. So an organ's counts differ by at most one between folds, and so do the
    totals, also where an organ has fewer cases than there are folds. Cases of a group go to one
    fold, the largest groups first, which the other cases then even out as far as they can.

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

    Returns
    -------
    dict
        Case id to fold, 0 to ``k - 1``, in the order of `cases`.

    Raises
    ------
    SettingsError
        If there are fewer cases than folds, a group counted as one.
    """
    organ_of = {case.id: case.organ for case in cases}
    blocks = _blocks(organ_of, group_of, random.Random(seed))
    if len(blocks) < k:
        grouped = len(organ_of) - len(blocks)
        alike = f" ({len(organ_of)}, but images that look alike count once)" if grouped else ""
        raise SettingsError(
            f"{k} folds need at least {k} cases with a mask, and there are {len(blocks)}{alike}",
            remedy="lower `folds` in the recipe or label more cases",
        )
    organs = [Counter[str]() for _ in range(k)]
    fold_of: dict[str, int] = {}
    for block in blocks:
        organ = organ_of[block[0]]
        fold = min(range(k), key=lambda one: (organs[one][organ], organs[one].total(), one))
        for case_id in block:
            fold_of[case_id] = fold
            organs[fold][organ_of[case_id]] += 1
    return {case_id: fold_of[case_id] for case_id in organ_of}


def _blocks(
    organ_of: Mapping[str, str], group_of: Mapping[str, str], chance: random.Random
) -> list[list[str]]:
    """What is dealt as one, in its order: organ by organ, the largest first."""
    organs: defaultdict[str, list[str]] = defaultdict(list)
    for case_id, organ in organ_of.items():
        organs[organ].append(case_id)
    together: dict[tuple[str, str], list[str]] = {}
    for organ in sorted(organs):
        for case_id in chance.sample(sorted(organs[organ]), len(organs[organ])):
            key = ("group", group_of[case_id]) if case_id in group_of else ("case", case_id)
            together.setdefault(key, []).append(case_id)
    return sorted(together.values(), key=lambda ids: (organ_of[ids[0]], -len(ids)))
