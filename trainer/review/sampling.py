"""Random samples of a cohort, and what they prove about the rest."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from math import comb

_UNSURE = 20
"""One in how many such bounds may be too low: 95 %."""


def draw(
    ids: Mapping[str, Collection[str]], sizes: Mapping[str, int] | int, seed: int
) -> dict[str, list[str]]:
    """A simple random sample of each organ, without replacement, in random order.

    Parameters
    ----------
    ids
        Case ids by organ.
    sizes
        How many of each organ, or of every organ; all of an organ that has fewer.
    seed
        The same seed draws the same cases of an organ, whatever other organs there are.
    """
    drawn: dict[str, list[str]] = {}
    for organ, there in ids.items():
        size = sizes if isinstance(sizes, int) else sizes.get(organ, 0)
        chance = random.Random(f"{seed} {organ}")
        drawn[organ] = chance.sample(sorted(there), min(size, len(there)))
    return drawn


def bound(wrong: int, checked: int, accepted: int) -> float:
    """The most, with 95 % confidence, of a finite set that can be wrong: a share, 0 to 1.

    Exact and one-sided: the largest number W of wrong ones among `accepted` with which a
    sample of `checked`, drawn without replacement, shows `wrong` or fewer in more than 5 % of
    all draws (the hypergeometric distribution, inverted; Buonaccorsi, The American
    Statistician 41, 1987; Wright, Exact confidence bounds when sampling from small finite
    universes, Springer 1991). With ever more accepted it becomes the bound of Clopper and
    Pearson (Biometrika 26, 1934). It is reckoned in whole numbers, without rounding.

    Parameters
    ----------
    wrong
        Wrong ones in the sample.
    checked
        Size of the sample, whose size was fixed before anything was seen of it.
    accepted
        Size of the set.

    Returns
    -------
    1 where nothing is checked; 0 for an empty set.

    Raises
    ------
    ValueError
        Unless 0 <= wrong <= checked <= accepted.
    """
    if not 0 <= wrong <= checked <= accepted:
        raise ValueError(f"{wrong} wrong of {checked} checked of {accepted} cannot be")
    if accepted == 0:
        return 0.0
    # sought in whole numbers: the last that is likely, between one that is and one that is not
    likely, unlikely = wrong, accepted - (checked - wrong) + 1
    while unlikely - likely > 1:
        middle = (likely + unlikely) // 2
        if _UNSURE * _ways(wrong, middle, checked, accepted) > comb(accepted, checked):
            likely = middle
        else:
            unlikely = middle
    return likely / accepted


def enough(accepted: int, tolerance: float) -> int:
    """The fewest to check so that, none of them being wrong, the bound is within `tolerance`.

    Parameters
    ----------
    accepted
        Size of the set.
    tolerance
        The share that may be wrong, 0 to 1.
    """
    # as few wrong ones as are too many must be seen in 95 % of all samples of this size
    about = int(tolerance * accepted)
    too_many = next(n for n in range(max(about - 1, 0), accepted + 3) if n > tolerance * accepted)
    size, unseen, every = 0, 1, 1
    while too_many <= accepted and _UNSURE * unseen > every:
        unseen *= accepted - too_many - size
        every *= accepted - size
        size += 1
    return size


def allowed(checked: int, accepted: int, tolerance: float) -> int | None:
    """The most wrong ones in a sample with which the bound is still within `tolerance`.

    A sample of just `enough` may have none; a larger one, a few.

    Returns
    -------
    None where the sample is too small to show it, however it turns out.
    """
    if bound(0, checked, accepted) > tolerance:
        return None
    # more than the tolerance of the sample is more than that of the bound
    good, bad = 0, min(checked, int(tolerance * checked) + 1) + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        if bound(middle, checked, accepted) <= tolerance:
            good = middle
        else:
            bad = middle
    return good


def _ways(most: int, wrong: int, checked: int, accepted: int) -> int:
    """Number of samples of `checked` with `most` or fewer of the `wrong` ones."""
    right = accepted - wrong
    fewest = max(0, checked - right)
    ways = comb(wrong, fewest) * comb(right, checked - fewest)
    total = 0
    for seen in range(fewest, most + 1):
        total += ways
        ways = ways * (wrong - seen) * (checked - seen)
        ways //= (seen + 1) * (right - checked + seen + 1)
    return total
