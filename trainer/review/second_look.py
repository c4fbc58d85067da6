"""Second looks and second opinions: how well reviewers agree with themselves and others."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from trainer.data.atomic import replacing
from trainer.data.store import ACCEPT, CHECK, REOPEN, Look, Revision, Store, independent
from trainer.errors import StoreError, TrainerError
from trainer.metrics import dice
from trainer.review.sampling import draw as _draw

ALL = "all"
"""The organ of a table's last row: every case."""

_DRAWN = ("accepted", "in work", "needs second opinion")
_BULK = (ACCEPT, CHECK, REOPEN)


def draw(
    reviews: Mapping[str, Revision], organs: Mapping[str, str], k: int, seed: int
) -> dict[str, list[str]]:
    """Cases to look at once more: `k` random ones of each organ, in random order.

    As many of each organ, so that each organ's Dice is known about as well. Only cases that a
    person called "accepted", "in work" or "needs second opinion"; a mask that was accepted in
    bulk is no person's, and comparing with it would measure the network.

    Parameters
    ----------
    reviews
        The newest revision of every case that has one.
    organs
        Case id to organ, of all that may be drawn.
    k
        How many of each organ; all of one that has fewer.
    seed
        Of the drawing.
    """
    ids: dict[str, list[str]] = {}
    for case_id, revision in reviews.items():
        reviewed = revision.status in _DRAWN and revision.tool not in _BULK
        if reviewed and case_id in organs:
            ids.setdefault(organs[case_id], []).append(case_id)
    return _draw(dict(sorted(ids.items())), k, seed)


@dataclass(frozen=True, slots=True)
class Pair:
    """A mask and the one that was drawn anew.

    Attributes
    ----------
    reviewer
        Who drew it anew.
    previous
        Who drew the earlier mask, or took it as it was predicted; whoever changed only its
        status later does not count.
    seconds
        How long the second drawing took.
    blind
        Whether the reviewer saw nothing of the earlier mask.
    """

    case_id: str
    organ: str
    reviewer: str
    previous: str
    dice: float
    seconds: float
    blind: bool = True

    @property
    def intra(self) -> bool:
        """Whether one reviewer is compared with themselves."""
        return self.reviewer == self.previous

    @property
    def kind(self) -> Literal["intra", "inter", "opinion"]:
        """What is compared: oneself, another, or another whose mask was in sight."""
        if not self.blind:
            return "opinion"
        return "intra" if self.intra else "inter"


@dataclass(frozen=True, slots=True)
class Summary:
    """Dice over several second looks."""

    n: int
    mean: float
    median: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well an organ's reviewers agree.

    Attributes
    ----------
    intra
        Of reviewers with themselves; None where there is no such pair.
    inter
        Of reviewers with others.
    opinion
        Of reviewers with others whose masks they may have seen: no measure of how they would
        have drawn alone.
    """

    organ: str
    n: int
    intra: Summary | None
    inter: Summary | None
    opinion: Summary | None = None


def pairs(store: Store, organs: Mapping[str, str]) -> Iterator[Pair | TrainerError]:
    """Compare each second look with its revision; what cannot be compared yields why.

    Of several looks by one reviewer at the same revision the first counts: the others were
    not blind any more.
    """
    seen = set[tuple[int, str]]()
    for look in store.looks.all():
        if look.case_id in organs and (look.revision_id, look.author) not in seen:
            seen.add((look.revision_id, look.author))
            try:
                yield _pair(store, look, organs[look.case_id])
            except TrainerError as error:
                yield error


def opinions(store: Store, organs: Mapping[str, str]) -> Iterator[Pair | TrainerError]:
    """Compare the masks of cases that two reviewers each drew and stand by.

    As where one asked for a second opinion; what cannot be compared yields why.
    """
    histories: dict[str, list[Revision]] = {}
    for revision in store.all():
        histories.setdefault(revision.case_id, []).append(revision)
    for case_id in sorted(histories.keys() & organs.keys()):
        for earlier, later in independent(histories[case_id]):
            try:
                yield _opinion(store, earlier, later, organs[case_id])
            except TrainerError as error:
                yield error


def agreement(pairs: Iterable[Pair]) -> list[Agreement]:
    """A row an organ in alphabetical order, and one of all; no row of no pair."""
    every = list(pairs)
    organs = sorted({pair.organ for pair in every})
    rows = [_row(organ, [pair for pair in every if pair.organ == organ]) for organ in organs]
    return [*rows, _row(ALL, every)] if every else []


def write(path: Path, pairs: Iterable[Pair]) -> None:
    """Write pairs as csv, a row each, whole or not at all.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    with (
        replacing(path) as draft,
        draft.open("w", newline="", encoding="utf-8") as handle,
    ):
        columns = [field.name for field in fields(Pair)]
        table = csv.DictWriter(handle, [*columns, "kind"])
        table.writeheader()
        for pair in pairs:
            table.writerow(asdict(pair) | {"kind": pair.kind})


def _pair(store: Store, look: Look, organ: str) -> Pair:
    revision = store.revision(look.revision_id)
    overlap = dice(store.mask(revision), store.looks.mask(look))
    previous = store.origin(revision).author
    return Pair(look.case_id, organ, look.author, previous, overlap, look.seconds)


def _opinion(store: Store, earlier: Revision, later: Revision, organ: str) -> Pair:
    if earlier.shape != later.shape:
        raise StoreError(
            f"its revisions {earlier.id} and {later.id} are of different sizes",
            case=later.case_id,
            remedy="put back the image that was reviewed",
        )
    overlap = dice(store.mask(earlier), store.mask(later))
    authors = (later.author, earlier.author)
    return Pair(later.case_id, organ, *authors, overlap, later.seconds, blind=False)


def _row(organ: str, pairs: list[Pair]) -> Agreement:
    dices: dict[str, list[float]] = {"intra": [], "inter": [], "opinion": []}
    for pair in pairs:
        dices[pair.kind].append(pair.dice)
    return Agreement(organ, len(pairs), *(_summary(found) for found in dices.values()))


def _summary(scores: list[float]) -> Summary | None:
    if not scores:
        return None
    return Summary(len(scores), statistics.fmean(scores), statistics.median(scores))
