"""How much of a change a crop gets."""

from __future__ import annotations

import math

import numpy as np
import torch

from trainer.settings import Change


def drawn_anew() -> np.random.Generator:
    """Chance for one crop; seeded by torch's, so that workers' seeds are torch's too."""
    return np.random.default_rng(int(torch.randint(2**62, ())))


def happens(probability: float, rng: np.random.Generator) -> bool:
    """Whether something of this probability happens."""
    return bool(rng.random() < probability)


def amount(change: Change, rng: np.random.Generator) -> float:
    """Between 0 and the strength; 0 where it does not happen."""
    return rng.uniform(0, change.strength) if change and happens(change.probability, rng) else 0.0


def either(change: Change, rng: np.random.Generator) -> float:
    """Between the strength's negative and itself; 0 where it does not happen."""
    size = amount(change, rng)
    return size if size == 0 or happens(0.5, rng) else -size


def factor(change: Change, rng: np.random.Generator) -> float:
    """Between 1 / (1 + strength) and 1 + strength, as often below as above 1."""
    size = change.strength if change and happens(change.probability, rng) else 0.0
    return math.exp(rng.uniform(-1, 1) * math.log1p(size))
