"""A member that goes on from an earlier run's, instead of from an encoder's weights."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import SettingsError
from trainer.model import checkpoint
from trainer.model.described import describe
from trainer.model.network import Segmenter
from trainer.predict.members import folds_of_run
from trainer.settings import Network
from trainer.train.dataset import Sample


@dataclass(frozen=True, slots=True)
class Parent:
    """The run that a training starts from.

    Attributes
    ----------
    folder
        Of the run.
    members
        Its trained weights by fold.
    """

    folder: Path
    members: dict[int, Path]

    @classmethod
    def open(cls, folder: Path) -> Parent:
        """A run's folder.

        Raises
        ------
        SettingsError
            If it holds no trained member.
        """
        members = folds_of_run(folder)
        if not members:
            raise SettingsError(
                "holds no trained member to start from", file=folder, remedy="name a run's folder"
            )
        return cls(folder, members)

    def member(self, fold: int, held_out: Iterable[Sample]) -> Path:
        """Weights to start a fold's member from: of a member that has not seen what it holds out.

        Raises
        ------
        SettingsError
            If every member has: Dice on these cases would be no measure of anything new.
        WeightsError
            If a member's description is missing.
        """
        digests = {sample.digest for sample in held_out}
        order = sorted(self.members, key=lambda one: (one != fold, one))
        for one in order:
            if not any(describe(self.members[one]).has_seen(digest) for digest in digests):
                return self.members[one]
        raise SettingsError(
            f"every member of it has seen cases that fold {fold} holds out",
            file=self.folder,
            remedy=f"keep its folds: `hold_out: {{file: {self.folder / 'folds.csv'}}}`",
        )

    def told(self) -> dict[str, str]:
        """What ``run.json`` keeps of it."""
        name = self.folder.resolve().name
        try:
            facts = json.loads((self.folder / "run.json").read_text("utf-8"))
        except (OSError, ValueError):
            facts = {}
        return {"run": name, "started": str(facts.get("started", ""))}


def seen_before(weights: Path | None) -> dict[str, str]:
    """Digests by case id of all that earlier weights have learned; nothing of a fresh network."""
    return {} if weights is None else dict(describe(weights).trained_on)


def begin(weights: Path, wanted: Network) -> tuple[Segmenter, str]:
    """A network with an earlier member's weights, and what it started from.

    Raises
    ------
    SettingsError
        If the member is another network than `wanted`.
    WeightsError
        If its weights cannot be read.
    """
    module, described = checkpoint.load(weights)
    plain = {"pretrained": False}
    if described.network.model_copy(update=plain) != wanted.model_copy(update=plain):
        raise SettingsError(
            "is another network than the recipe's",
            file=weights,
            remedy="take the network of that run's recipe, or start from scratch",
        )
    return module.train(), f"run {weights.parent.parent.name} fold {described.fold}"
