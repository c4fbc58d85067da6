"""Members as they are asked: a file each, where the ensemble may name a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import WeightsError
from trainer.settings import Ensemble, Member

_FOLD = re.compile(r"fold(\d+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """One trained network and what the ensemble says of it.

    Attributes
    ----------
    name
        Enough to know it by: its file as the ensemble names it, or the run's fold.
    """

    name: str
    file: Path
    settings: Member


def resolve(ensemble: Ensemble, base: Path) -> list[Asked]:
    """An ensemble's members in its order, each fold of a run as one of them.

    Parameters
    ----------
    ensemble
        Whose members.
    base
        Folder of the ensemble's YAML: files and runs are relative to it.

    Raises
    ------
    WeightsError
        If a run has no such fold, or none. A file that is missing is not noticed here.
    """
    return [asked for member in ensemble.members for asked in _resolve(member, base)]


def _resolve(member: Member, base: Path) -> list[Asked]:
    if member.weights is not None:
        return [Asked(member.weights, base / member.weights, member)]
    assert member.run is not None
    there = folds_of_run(base / member.run)
    wanted = sorted(there) if member.fold is None else [member.fold]
    if not wanted or not there.keys() >= set(wanted):
        missing = "trained fold" if member.fold is None else f"trained fold {member.fold}"
        found = f" (there are {', '.join(map(str, sorted(there)))})" if there else ""
        raise WeightsError(
            f"there is no {missing} here{found}",
            file=base / member.run,
            remedy="correct `run` and `fold` in the ensemble",
        )
    return [Asked(f"{member.run} fold {fold}", there[fold], member) for fold in wanted]


def folds_of_run(run: Path) -> dict[int, Path]:
    """A run's weights by fold."""
    files = run.glob("fold*/weights.safetensors")
    named = ((_FOLD.fullmatch(file.parent.name), file) for file in files)
    return {int(match[1]): file for match, file in named if match is not None}
