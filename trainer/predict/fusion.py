"""Members' opinions of a case become one, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.settings import Ensemble

Levels = NDArray[np.uint8]
"""Probability, uint8 (h, w), in steps of 1/255."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one member says of a case.

    Attributes
    ----------
    key
        Digest of all that the map depends on.
    levels
        Its probability at its own resolution.
    """

    key: str
    name: str
    weight: float
    levels: Levels


def fuse(opinions: Sequence[Opinion], ensemble: Ensemble, organ: str) -> tuple[Levels, Levels]:
    """Probability and disagreement at the largest resolution among the opinions.

    A mean is weighted. So is a geometric mean, to which no member says less than half a step
    of 1/255, so that one alone does not forbid. In a vote each member has one voice whatever
    its weight, and what is returned is the k-th highest probability where k voices are needed
    (or all, where fewer are asked): at any threshold that gives the pixels where k members'
    own masks agree. The organ's temperature, if it has one, is applied last. The disagreement
    is the weighted standard deviation, of members as they are.

    Parameters
    ----------
    opinions
        At least one, of positive weight.
    ensemble
        How they are fused.
    organ
        Whose count of votes and temperature hold.
    """
    probability, disagreement = _fused(opinions, ensemble, organ)
    temperature = ensemble.temperatures.get(organ, 1.0)
    return tempered(probability, temperature), disagreement


def tempered(levels: Levels, temperature: float) -> Levels:
    """Probabilities whose logits are divided by a temperature; one of 1 changes nothing.

    Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q., "On calibration of modern neural
    networks", ICML 2017. Order and 0.5 stay; 0 and 1 count as half a step of 1/255 from the
    end, so above 1 a temperature lifts 0.
    """
    if temperature == 1:
        return levels
    return np.asarray(cv2.LUT(levels, as_levels(warmed(temperature))), dtype=np.uint8)


def warmed(temperature: float) -> NDArray[np.float32]:
    """The probability, float32 (256,), that each level becomes at a temperature."""
    unit = np.clip(np.arange(256), 0.5, 254.5) / 255
    logit = np.log(unit / (1 - unit)) / temperature
    return (1 / (1 + np.exp(-logit))).astype(np.float32)


def _fused(opinions: Sequence[Opinion], ensemble: Ensemble, organ: str) -> tuple[Levels, Levels]:
    shape = _largest(opinions)
    weights = [opinion.weight for opinion in opinions]
    maps = [_at(opinion.levels, shape) for opinion in opinions]
    mean, deviation = _spread(maps, weights)
    if ensemble.fusion == "geometric":
        return _geometric(maps, weights), deviation
    if ensemble.fusion == "vote":
        needed = ensemble.votes.get(organ, len(maps) // 2 + 1)
        return _nth_highest(maps, min(needed, len(maps))), deviation
    return mean, deviation


def as_levels(unit: NDArray[np.float32]) -> Levels:
    """Values of 0..1 in steps of 1/255."""
    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)


def _largest(opinions: Sequence[Opinion]) -> tuple[int, int]:
    shapes = [opinion.levels.shape for opinion in opinions]
    return max(height for height, _ in shapes), max(width for _, width in shapes)


def _at(levels: Levels, shape: tuple[int, int]) -> Levels:
    if levels.shape == shape:
        return levels
    large = cv2.resize(levels, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.uint8)


def _spread(maps: Sequence[Levels], weights: Sequence[float]) -> tuple[Levels, Levels]:
    """Weighted mean and standard deviation.

    West, D. H. D., "Updating mean and variance estimates: an improved method",
    Communications of the ACM 22 (1979).
    """
    mean = np.zeros(maps[0].shape, np.float32)
    squares = np.zeros(maps[0].shape, np.float32)
    total = 0.0
    for levels, weight in zip(maps, weights, strict=True):
        total += weight
        difference = levels - mean
        mean += difference * np.float32(weight / total)
        squares += np.float32(weight) * difference * (levels - mean)
    deviation = np.sqrt(np.maximum(squares / np.float32(total), 0))
    return np.rint(mean).astype(np.uint8), np.rint(deviation).astype(np.uint8)


def _geometric(maps: Sequence[Levels], weights: Sequence[float]) -> Levels:
    logs = np.log(np.maximum(np.arange(256, dtype=np.float32), 0.5) / 255)
    total = np.zeros(maps[0].shape, np.float32)
    for levels, weight in zip(maps, weights, strict=True):
        total += np.float32(weight / sum(weights)) * logs[levels]
    return as_levels(np.exp(total))


def _nth_highest(maps: Sequence[Levels], place: int) -> Levels:
    index = len(maps) - place
    return np.ascontiguousarray(np.partition(np.stack(maps), index, axis=0)[index])
