"""Cases to folds, each organ spread evenly."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable

from trainer.data.case import Case
from trainer.errors import SettingsError


def split(cases: Iterable[Case], k: int, seed: int) -> dict[str, int]:
    """The fold that holds each case out.

    Cases of an organ are shuffled and dealt to the folds in turn; the next organ goes on where
    the last one stopped. So an organ's counts differ by at most one between folds, and so do
    the totals, also where an organ has fewer cases than there are folds.

    Returns
    -------
    dict
        Case id to fold, 0 to ``k - 1``, in the order of `cases`.

    Raises
    ------
    SettingsError
        If there are fewer cases than folds.
    """
    organs: defaultdict[str, list[str]] = defaultdict(list)
    ids = []
    for case in cases:
        organs[case.organ].append(case.id)
        ids.append(case.id)
    if len(ids) < k:
        raise SettingsError(
            f"{k} folds need at least {k} cases with a mask, and there are {len(ids)}",
            remedy="lower `folds` in the recipe or label more cases",
        )
    chance = random.Random(seed)
    dealt = [case_id for organ in sorted(organs) for case_id in _shuffled(organs[organ], chance)]
    fold_of = {case_id: turn % k for turn, case_id in enumerate(dealt)}
    return {case_id: fold_of[case_id] for case_id in ids}


def _shuffled(ids: list[str], chance: random.Random) -> list[str]:
    return chance.sample(sorted(ids), len(ids))
