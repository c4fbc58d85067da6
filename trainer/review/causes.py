"""How often each organ fails, and why."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.data.atomic import replacing
from trainer.data.store import CAUSES, Cause, Tag

_COLUMNS = (
    "case", "organ", "cause", "note", "author", "created",
    "first", "second", "kind", "row0", "col0", "row1", "col1",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Count:
    """An organ's failures of one cause.

    Attributes
    ----------
    tags
        All of them; of the whole case and of findings.
    cases
        With one such tag or more.
    """

    organ: str
    cause: Cause
    tags: int
    cases: int


def counts(tags: Iterable[Tag], organs: Mapping[str, str]) -> list[Count]:
    """Failures by organ, in alphabetical order, and cause; none where there are none.

    Parameters
    ----------
    tags
        Of a store.
    organs
        Case id to organ; a tag of a case that is not there is not counted.
    """
    groups: dict[tuple[str, Cause], list[str]] = {}
    for tag in tags:
        if tag.case_id in organs:
            groups.setdefault((organs[tag.case_id], tag.cause), []).append(tag.case_id)
    order = sorted(groups, key=lambda group: (group[0], CAUSES.index(group[1])))
    return [Count(*group, len(groups[group]), len(set(groups[group]))) for group in order]


def write(path: Path, tags: Iterable[Tag], organs: Mapping[str, str]) -> None:
    """Write tags as csv, a row each, whole or not at all; boxes in image pixels.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    with (
        replacing(path) as draft,
        draft.open("w", newline="", encoding="utf-8") as handle,
    ):
        table = csv.writer(handle)
        table.writerow(_COLUMNS)
        for tag in tags:
            spot = tag.finding
            where = ("",) * 7 if spot is None else (*spot.pair, spot.kind, *spot.box)
            organ, created = organs.get(tag.case_id, ""), tag.created.isoformat()
            table.writerow((tag.case_id, organ, tag.cause, tag.note, tag.author, created, *where))
