"""What reviewers have done, and how long it took them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.data.store import Journal, Revision, Stroke

ALL = "all"
"""The organ, or the reviewer, of rows about all of them."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a reviewer has done on an organ's cases.

    Attributes
    ----------
    cases
        That they have kept a revision of.
    minutes
        Of active work, as their revisions tell.
    actions
        Their strokes by tool, "undo" and "redo" among the tools, the most frequent first.
    """

    organ: str
    reviewer: str
    cases: int
    revisions: int
    minutes: float
    actions: Mapping[str, int]


def efforts(
    organs: Mapping[str, str],
    revisions: Iterable[Revision],
    strokes: Iterable[tuple[str, Stroke]],
) -> list[Effort]:
    """A row a reviewer and organ, then one a reviewer, and one of all where there are several.

    Parameters
    ----------
    organs
        Case id to organ; what is told of other cases is left out.
    revisions
        Of a store.
    strokes
        Each with the id of its case.
    """
    done = [(organs[one.case_id], one.author, one) for one in revisions if one.case_id in organs]
    drawn = [(organs[id], one.author, one) for id, one in strokes if id in organs]
    both = {(organ, author) for organ, author, _ in [*done, *drawn]}
    reviewers = sorted({author for _, author in both})
    rows = [*sorted(both), *((ALL, name) for name in reviewers)]
    rows += [(ALL, ALL)] if len(reviewers) > 1 else []
    return [_row(organ, reviewer, done, drawn) for organ, reviewer in rows]


def strokes(folder: Path, case_ids: Iterable[str]) -> Iterator[tuple[str, Stroke]]:
    """All strokes in a cohort's journals, each with the id of its case.

    Raises
    ------
    StoreError
        If a journal cannot be read.
    """
    journal = Journal(folder)
    for case_id in case_ids:
        yield from ((case_id, stroke) for stroke in journal.strokes(case_id))


def _row(
    organ: str,
    reviewer: str,
    done: list[tuple[str, str, Revision]],
    drawn: list[tuple[str, str, Stroke]],
) -> Effort:
    def mine(its: str, author: str) -> bool:
        return organ in (ALL, its) and reviewer in (ALL, author)

    kept = [one for its, author, one in done if mine(its, author)]
    actions = Counter(_tool(one) for its, author, one in drawn if mine(its, author))
    return Effort(
        organ,
        reviewer,
        len({one.case_id for one in kept}),
        len(kept),
        sum(one.seconds for one in kept) / 60,
        dict(actions.most_common()),
    )


def _tool(stroke: Stroke) -> str:
    return stroke.edit.tool if stroke.kind == "edit" and stroke.edit else stroke.kind
