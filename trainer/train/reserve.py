"""How long a run's out-of-fold predictions will take, tried before anything is learned."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from trainer.data.cohort import Cohort
from trainer.model import checkpoint
from trainer.model.network import build
from trainer.predict.ensemble import Predictor
from trainer.settings import Recipe
from trainer.train.guesses import predicted
from trainer.train.progress import Progress, Tell
from trainer.train.record import ensemble_of

_TRIED = 2
"""Cases, besides a first one that warms up."""

_MARGIN = 1.5
"""For the comparison with labels, and for cases larger than those tried."""


def seconds_to_predict(
    cohort: Cohort,
    ids: Sequence[str],
    recipe: Recipe,
    device: torch.device,
    tell: Tell,
    base: Path,
) -> float:
    """Seconds until each of some cases is predicted by one member, as the recipe's ensemble says.

    An untrained network is as slow as a trained one: a few cases are predicted by one.

    Parameters
    ----------
    cohort, ids
        Whose cases, and which.
    recipe, device
        How, and where.
    tell
        Hears from time to time that it goes on.
    base
        Folder to which the references of the ensemble's stains are relative.

    Raises
    ------
    Cancelled
        If `tell` raises it.
    DeviceError
        If memory does not suffice to predict a case.
    """
    if not ids:
        return 0.0

    def hear(_: Progress) -> None:
        tell(Progress("reading", 1.0))

    network = recipe.network.model_copy(update={"pretrained": False})
    asked = recipe.model_copy(update={"ensemble": recipe.ensemble.beside(base)})
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name), "untrained.safetensors"
        description = checkpoint.Checkpoint(network=network, size=recipe.size)
        checkpoint.save(folder / file, build(network).module, description)
        with Predictor(ensemble_of(asked, "untrained", [file]), folder, str(device)) as predictor:
            spread = [ids[place * len(ids) // (1 + _TRIED)] for place in range(1 + _TRIED)]
            tried = list(dict.fromkeys(spread[1:]))
            predicted(cohort, spread[:1], predictor, folder / "warming", hear)
            began = time.monotonic()
            predicted(cohort, tried, predictor, folder / "tried", hear)
            return _MARGIN * len(ids) * (time.monotonic() - began) / len(tried)
