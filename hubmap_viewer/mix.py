"""An ensemble's members mixed as they are being tried: no network, and what `predict` makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from hubmap_viewer.tried_weights import Trial
from trainer.data.case import Case, Prediction
from trainer.data.opinions import Opinions
from trainer.predict.asking import Panel
from trainer.predict.fusion import Levels, Opinion, fuse
from trainer.settings import Ensemble, Member

Settings = Sequence[Member | None]
"""What is tried of each member of a panel; None leaves it out."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """What the asked members say together.

    Attributes
    ----------
    prediction
        Of those whose opinions are kept; None where none is.
    asked
        Members that the case is for, by their place in the panel.
    missing
        Of these, whose opinions are not kept.
    """

    prediction: Prediction | None
    asked: tuple[int, ...]
    missing: tuple[int, ...]


def mix(panel: Panel, settings: Settings, opinions: Opinions, case: Case) -> Mixed:
    """Mix a case's kept opinions by the engine's own fusion, before any dense CRF.

    Raises
    ------
    CohortError, SettingsError
        As `trainer.predict.asking.Panel.parts` raises them.
    """
    parts, in_sample = panel.parts(
        opinions.shape, opinions.digest, case, opinions.levels, list(settings)
    )
    known = [
        Opinion(part.key, panel.members[part.index].name, part.weight, part.known)
        for part in parts
        if part.known is not None
    ]
    asked = tuple(part.index for part in parts)
    missing = tuple(part.index for part in parts if part.known is None)
    if not known:
        return Mixed(None, asked, missing)
    maps = fuse(known, panel.ensemble, case.organ)
    return Mixed(Prediction(case.id, *maps, opinions.shape, in_sample), asked, missing)


def alone(panel: Panel, opinions: Opinions, case: Case) -> Mapping[int, Levels]:
    """What each member says by itself, where that is kept; by its place in the panel."""
    found: dict[int, Levels] = {}
    for index, member in enumerate(panel.settings):
        asked = member.model_copy(update={"weight": 1.0, "weights_by_organ": {}, "organs": ()})
        settings = [asked if place == index else None for place in range(len(panel.members))]
        (part,), _ = panel.parts(opinions.shape, opinions.digest, case, opinions.levels, settings)
        if part.known is not None:
            found[index] = part.known
    return found


def ensemble_of(panel: Panel, settings: Settings) -> Ensemble:
    """The ensemble as it is tried; a run whose folds differ is named fold by fold.

    At least one member must be left.
    """
    members: list[Member] = []
    places = range(len(panel.members))
    for _, group in groupby(places, key=lambda place: id(panel.members[place].settings)):
        alike = list(group)
        told = [settings[place] for place in alike]
        if len(alike) == 1 or (told[0] is not None and all(one == told[0] for one in told)):
            members.extend(one for one in told[:1] if one is not None)
            continue
        for place, one in zip(alike, told, strict=True):
            if one is not None:
                fold = int(panel.members[place].file.parent.name.removeprefix("fold"))
                members.append(one.model_copy(update={"fold": fold}))
    return panel.ensemble.model_copy(update={"members": tuple(members)})


class Tried:
    """Members' weights as they are being tried.

    Parameters
    ----------
    own
        What the ensemble says of each member.
    """

    def __init__(self, own: Sequence[Member]) -> None:
        self.own = tuple(own)
        self._now = list(own)
        self._out: set[int] = set()

    @property
    def settings(self) -> tuple[Member | None, ...]:
        """What is tried of each member; None leaves it out."""
        return tuple(
            None if place in self._out else member for place, member in enumerate(self._now)
        )

    def changed(self) -> list[int]:
        """Members of which something else is tried than the ensemble says."""
        pairs = enumerate(zip(self.settings, self.own, strict=True))
        return [place for place, (now, own) in pairs if now != own]

    def weight(self, place: int, organ: str) -> float:
        """A member's weight for an organ; of one that is switched off, what it would have."""
        member = self._now[place]
        weight = member.weight_for(organ)
        return weight or self.own[place].weight_for(organ) or member.weight

    def is_on(self, place: int, organ: str) -> bool:
        """Whether the member is asked about cases of the organ."""
        member = self.settings[place]
        return member is not None and member.weight_for(organ) > 0

    def weigh(self, place: int, weight: float, organ: str, *, only: bool) -> None:
        """Give a member a weight above 0: for this organ only, or wherever it has no own one."""
        member = self._now[place]
        if only or organ in member.weights_by_organ:
            self._by_organ(place, {**member.weights_by_organ, organ: weight})
        else:
            self._now[place] = member.model_copy(update={"weight": weight})

    def switch(self, place: int, on: bool, organ: str, *, only: bool) -> None:
        """Ask a member or not: about this organ only, or about any."""
        if not on and not only:
            self._out.add(place)
            return
        self._out.discard(place)
        by_organ = dict(self._now[place].weights_by_organ)
        if not on:
            by_organ[organ] = 0.0
        elif by_organ.get(organ) == 0:
            del by_organ[organ]
            if before := self.own[place].weights_by_organ.get(organ):
                by_organ[organ] = before
        self._by_organ(place, by_organ)

    def trials(self, names: Sequence[str]) -> tuple[Trial, ...]:
        """What is tried of every member, to be kept by their names; nothing if all is their own."""
        if not self.changed():
            return ()
        pairs = enumerate(zip(names, self._now, strict=True))
        return tuple(
            Trial(
                name=name,
                weight=member.weight,
                weights_by_organ=member.weights_by_organ,
                on=place not in self._out,
            )
            for place, (name, member) in pairs
        )

    def take_up(self, trials: Sequence[Trial], names: Sequence[str]) -> None:
        """Try again what was kept; of members that are none of these now it is passed over."""
        left = list(trials)
        for place, name in enumerate(names):
            trial = next((one for one in left if one.name == name), None)
            if trial is None:
                continue
            left.remove(trial)
            said = {"weight": trial.weight, "weights_by_organ": trial.weights_by_organ}
            self._now[place] = self._now[place].model_copy(update=said)
            if not trial.on:
                self._out.add(place)

    def reset(self) -> None:
        """What the ensemble says."""
        self._now = list(self.own)
        self._out.clear()

    def _by_organ(self, place: int, weights: dict[str, float]) -> None:
        member = self._now[place]
        self._now[place] = member.model_copy(update={"weights_by_organ": weights})
