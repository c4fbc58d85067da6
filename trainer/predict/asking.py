"""Which members are asked about a case, and what each is shown: known without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from trainer.data.case import Case
from trainer.errors import SettingsError, WeightsError
from trainer.model.described import Checkpoint, describe
from trainer.predict.colours import Colours
from trainer.predict.fingerprint import of_opinion, of_weights
from trainer.predict.fusion import Levels
from trainer.predict.inputs import Look, looks
from trainer.predict.members import Asked, resolve
from trainer.settings import Ensemble, Member


@dataclass(frozen=True, slots=True)
class Part:
    """One member's work on a case; none where its opinion is known already."""

    index: int
    key: str
    weight: float
    looks: tuple[Look, ...]
    known: Levels | None


@dataclass(frozen=True)
class Panel:
    """An ensemble's members as their files describe them.

    Attributes
    ----------
    ensemble
        Whose views they are shown.
    members
        In the ensemble's order, each fold of a run as one.
    twins
        What their weights say of themselves.
    colours
        Its references of stains.
    """

    ensemble: Ensemble
    members: tuple[Asked, ...]
    twins: tuple[Checkpoint, ...]
    colours: Colours

    @classmethod
    def open(cls, ensemble: Ensemble, base: Path) -> Self:
        """The members of an ensemble whose YAML lies in the folder `base`.

        Raises
        ------
        ImageError
            If a reference of stains cannot be read.
        WeightsError
            If a member's weights or their description are missing.
        """
        members = tuple(resolve(ensemble, base))
        twins = tuple(_described(member.file) for member in members)
        return cls(ensemble, members, twins, Colours(ensemble.tta_stains, base))

    @cached_property
    def contents(self) -> tuple[str, ...]:
        """Digests of the members' files."""
        return tuple(of_weights(member.file) for member in self.members)

    @property
    def settings(self) -> tuple[Member, ...]:
        """What the ensemble says of each member."""
        return tuple(member.settings for member in self.members)

    def parts(
        self,
        shape: tuple[int, int],
        digest: str | None,
        case: Case | None,
        known: Mapping[str, Levels],
        settings: Sequence[Member | None] | None = None,
    ) -> tuple[tuple[Part, ...], bool]:
        """What is asked of whom; and whether the case is one that they saw in training.

        Members that saw the image in training are left out, unless all did.

        Parameters
        ----------
        shape
            The image's (H, W) in pixels.
        digest
            Of the image's file, as `trainer.data.cohort.Cohort.digest` gives it.
        case
            What is known of the case: its organ and pixel size.
        known
            Members' opinions of the case that were kept, by their keys.
        settings
            To try others than the ensemble's: a member's, or None to leave it out.

        Raises
        ------
        CohortError
            If a member wants a pixel size and the case has none.
        SettingsError
            If no member serves the case's organ.
        """
        tried = self.settings if settings is None else settings
        organ = "" if case is None else case.organ
        serving = [
            (index, member)
            for index, member in enumerate(tried)
            if member is not None and member.weight_for(organ) > 0
        ]
        if not serving:
            raise SettingsError(
                f"no member of the ensemble serves the organ {organ}",
                case=None if case is None else case.id,
                remedy="add the organ to a member's `organs`, or leave such cases out",
            )
        unseen = [one for one in serving if not self.twins[one[0]].has_seen(digest)]
        parts = tuple(
            self._part(index, member, shape, case, known) for index, member in unseen or serving
        )
        return parts, not unseen

    def _part(
        self,
        index: int,
        member: Member,
        shape: tuple[int, int],
        case: Case | None,
        known: Mapping[str, Levels],
    ) -> Part:
        wanted = looks(member, self.twins[index].size, shape, case, self.ensemble)
        digests = self.colours.digests
        organ = "" if case is None else case.organ
        # one that is told the organ would say something else of another
        told = f" {organ}" if self.twins[index].network.organ_input else ""
        key = of_opinion(self.contents[index] + told, digests, wanted, member, self.ensemble)
        return Part(index, key, member.weight_for(organ), wanted, known.get(key))


def _described(file: Path) -> Checkpoint:
    """The weights' twin; the weights themselves are there too."""
    if not file.is_file():
        raise WeightsError(
            "there is no such file", file=file, remedy="correct the path in the ensemble"
        )
    return describe(file)
