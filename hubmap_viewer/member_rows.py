"""Members of an ensemble as a list shows them."""

from __future__ import annotations

from dataclasses import dataclass

from hubmap_viewer.hearing import Heard
from hubmap_viewer.mix import Mixed, Tried
from trainer.predict.asking import Panel

OUT_OF_MIX = "seen in training"


@dataclass(frozen=True, slots=True)
class Row:
    """One member as the list shows it.

    Attributes
    ----------
    weight, own
        For the open case's organ: as it is tried, and as the ensemble has it.
    dice
        Of its own mask of the open case; None where it or truth is not there.
    is_kept
        Whether its opinion of the open case is kept.
    serves
        Whether it is for the open case's organ at all.
    remark
        Why it has no part in the open case's mix, though it is on; else empty.
    """

    place: int
    name: str
    weight: float
    own: float
    on: bool
    changed: bool
    dice: float | None
    is_kept: bool
    serves: bool
    remark: str


def rows(
    panel: Panel, tried: Tried, heard: Heard | None, mixed: Mixed | None, organ: str
) -> list[Row]:
    """Every member, as it is tried on the open case of an organ."""
    changed = set(tried.changed())
    made = []
    for place, member in enumerate(panel.members):
        on = tried.is_on(place, organ)
        is_kept = heard is not None and place in heard.levels
        organs = tried.own[place].organs
        serves = not organs or organ in organs
        if not serves:
            remark = "other organs'"
        elif heard is None or not on:
            remark = ""
        elif _is_left_out(panel, place, heard, mixed):
            remark = OUT_OF_MIX
        else:
            remark = "" if is_kept else "not kept"
        made.append(
            Row(
                place=place,
                name=member.name,
                weight=tried.weight(place, organ),
                own=member.settings.weight_for(organ),
                on=on,
                changed=place in changed,
                dice=None if heard is None else heard.dice.get(place),
                is_kept=is_kept,
                serves=serves,
                remark=remark,
            )
        )
    return made


def _is_left_out(panel: Panel, place: int, heard: Heard, mixed: Mixed | None) -> bool:
    """Whether a member was trained on the case, and others were not."""
    digest = None if heard.opinions is None else heard.opinions.digest
    asked = () if mixed is None else mixed.asked
    return panel.twins[place].has_seen(digest) and place not in asked
