"""What is kept of members' opinions, read and measured away from the window's thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hubmap_viewer import ensemble_file
from hubmap_viewer.ensemble_file import EnsembleFile
from hubmap_viewer.loading import Sources
from hubmap_viewer.mix import alone
from trainer.data.case import Case, Mask, Prediction
from trainer.data.opinions import KeptOpinions, Opinions
from trainer.data.predictions import Predictions
from trainer.metrics import dice
from trainer.predict.asking import Panel
from trainer.predict.fusion import Levels
from trainer.predict.postprocess import to_mask
from trainer.settings import read_ensemble


@dataclass(frozen=True, slots=True)
class Found:
    """The ensemble of some predictions, and whether it still says what made them."""

    file: EnsembleFile
    panel: Panel
    is_theirs: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What is kept of the members' opinions of a case.

    Attributes
    ----------
    dice
        Of each member's own mask against truth.
    """

    case_id: str
    opinions: Opinions | None
    levels: Mapping[int, Levels]
    dice: Mapping[int, float]


def find(cohort: Path, predictions: Predictions, hint: Path | None) -> Found | None:
    """The ensemble that made some predictions, else the one of its name in the cohort.

    Reads every member's weights file: not in the window's thread.

    Raises
    ------
    TrainerError
        If its members cannot be read.
    """
    file = None if hint is None else ensemble_file.to_write(cohort, hint)
    file = file or ensemble_file.find(cohort, predictions)
    file = file or ensemble_file.of_name(cohort, predictions)
    if file is None:
        return None
    now = ensemble_file.fingerprint_of(file.source)
    panel = Panel.open(read_ensemble(file.source), file.source.parent)
    return Found(file, panel, now == predictions.description.get("fingerprint"))


def listen(panel: Panel, sources: Sources, case: Case, truth: Mask | None) -> Heard:
    """Read the kept opinions of a case, and measure each member's own mask."""
    assert sources.predictions is not None
    opinions = KeptOpinions(sources.predictions.folder).read(case.id)
    if opinions is None:
        return Heard(case.id, None, {}, {})
    levels = alone(panel, opinions, case)
    if truth is None:
        return Heard(case.id, opinions, levels, {})
    masks = {place: mask_of(sources, case, opinions.shape, said) for place, said in levels.items()}
    alike = {place: dice(mask, truth) for place, mask in masks.items()}
    return Heard(case.id, opinions, levels, alike)


def mask_of(sources: Sources, case: Case, shape: tuple[int, int], levels: Levels) -> Mask:
    """One member's mask at the shown prediction's operating point."""
    said = Prediction(case.id, levels, np.zeros_like(levels), shape, False)
    return to_mask(said, sources.point_for(case))
