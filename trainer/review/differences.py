"""The findings between two masks of many cases, and what they cost an organ."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from trainer.data.atomic import replacing
from trainer.data.case import Case
from trainer.data.findings import KINDS, Finding, Kind, Loss, find, tally
from trainer.errors import TrainerError
from trainer.metrics import dice
from trainer.review.masks import Masks, Predicted

ALL = "all"
"""The organ of a table's last row: every case."""

WORST = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A finding in a table; `row`, `column`, `height` and `width` are its box in pixels.

    See `trainer.data.findings.Finding` for the rest; `area_um2` is None where the case's pixel
    size is unknown.
    """

    case: str
    organ: str
    kind: Kind
    row: int
    column: int
    height: int
    width: int
    area_px: int
    area_um2: float | None
    loss: float
    share: float
    units: int
    confidence: float | None
    border: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """How two masks of a case differ.

    Attributes
    ----------
    in_sample
        True when one of them was predicted by members that had all seen the case in training:
        no measure of anything new, and left out of statistics.
    """

    case: str
    organ: str
    dice: float
    in_sample: bool
    losses: dict[Kind, Loss]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class OrganLoss:
    """How two masks differ over an organ's cases.

    Attributes
    ----------
    losses
        By kind: how many findings, and the mean Dice that they cost a case, so that these and
        `mean` sum to 1.
    worst
        Up to three cases of least Dice, with it.
    """

    organ: str
    cases: int
    mean: float
    median: float
    losses: dict[Kind, Loss]
    worst: tuple[tuple[str, float], ...]


def differences(
    cases: Iterable[Case], first: Masks, second: Masks, opinion: Predicted | None = None
) -> Iterator[Difference | TrainerError]:
    """Compare each case's two masks; what cannot be compared yields why.

    Parameters
    ----------
    cases
        Those that have both.
    first, second
        The reference, and what is tested.
    opinion
        Whose confidence findings have. What was seen in training has none.
    """
    known = set() if opinion is None else opinion.ids()
    for case in cases:
        try:
            yield _difference(case, first, second, opinion if case.id in known else None)
        except TrainerError as error:
            yield error


def by_organ(found: Iterable[Difference]) -> list[OrganLoss]:
    """A row an organ in alphabetical order, and one of all cases; no row of no case.

    Cases seen in training have no part.
    """
    groups: defaultdict[str, list[Difference]] = defaultdict(list)
    for one in found:
        if not one.in_sample:
            groups[one.organ].append(one)
    rows = [_organ(organ, groups[organ]) for organ in sorted(groups)]
    every = [one for group in groups.values() for one in group]
    return [*rows, _organ(ALL, every)] if every else []


def write(path: Path, found: Iterable[Difference]) -> None:
    """Write a csv, a row a finding, whole or not at all.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as handle:
        table = csv.DictWriter(handle, [field.name for field in fields(Place)])
        table.writeheader()
        for one in found:
            table.writerows(asdict(place) for place in one.places)


def _difference(case: Case, first: Masks, second: Masks, opinion: Predicted | None) -> Difference:
    reference, tested = first.mask(case.id), second.mask(case.id)
    prediction = None if opinion is None else opinion.prediction(case.id)
    told = None if prediction is None or prediction.in_sample else prediction.probability
    found = find(reference, tested, told)
    return Difference(
        case.id,
        case.organ,
        dice(reference, tested),
        any(isinstance(of, Predicted) and of.in_sample(case.id) for of in (first, second)),
        tally(found),
        tuple(_place(case, one) for one in found),
    )


def _place(case: Case, finding: Finding) -> Place:
    top, left, bottom, right = finding.box
    area = finding.area_um2(case.pixel_size)
    return Place(
        case=case.id,
        organ=case.organ,
        kind=finding.kind,
        row=top,
        column=left,
        height=bottom - top,
        width=right - left,
        area_px=finding.area,
        area_um2=None if area is None else round(area, 2),
        loss=finding.loss,
        share=finding.share,
        units=finding.units,
        confidence=finding.confidence,
        border=finding.border,
    )


def _organ(organ: str, found: list[Difference]) -> OrganLoss:
    scores = [one.dice for one in found]
    losses: dict[Kind, Loss] = {
        kind: Loss(
            sum(one.losses[kind].count for one in found),
            sum(one.losses[kind].loss for one in found) / len(found),
        )
        for kind in KINDS
    }
    worst = sorted(found, key=lambda one: (one.dice, one.case))[:WORST]
    return OrganLoss(
        organ,
        len(found),
        statistics.fmean(scores),
        statistics.median(scores),
        losses,
        tuple((one.case, one.dice) for one in worst),
    )
