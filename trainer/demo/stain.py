"""Two dyes on a slide: from compartments and nuclei to light, by Beer and Lambert's law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image
from trainer.demo.frame import Frame, Plane
from trainer.demo.tissue import Part, Tissue, paint

Source = Literal["HPA", "Hubmap"]

HAEMATOXYLIN = (0.67, 0.66, 0.34)
HAEMATOXYLIN_PURPLE = (0.62, 0.70, 0.32)
DAB = (0.31, 0.54, 0.79)
EOSIN = (0.22, 0.83, 0.47)
PAS = (0.28, 0.90, 0.36)

#                     GLASS STROMA MUSCLE EPITH PALE MUCUS MEMBR LYMPH PULP BLOOD TUFT SECR SEPTUM
_NUCLEAR_DYE = (0.00, 0.18, 0.21, 0.20, 0.15, 0.06, 0.34, 0.40, 0.22, 0.14, 0.22, 0.25, 0.26)
_EOSIN = (0.00, 0.36, 0.52, 0.40, 0.26, 0.07, 0.45, 0.24, 0.46, 0.80, 0.36, 0.65, 0.45)
_PAS = (0.00, 0.22, 0.26, 0.36, 0.20, 0.62, 0.85, 0.16, 0.30, 0.45, 0.52, 0.60, 0.40)
_ANTIGENS = {
    "epithelial": (0.00, 0.04, 0.04, 0.75, 0.40, 0.06, 0.20, 0.22, 0.62, 0.15, 0.12, 0.9, 0.55),
    "stromal": (0.00, 0.24, 0.42, 0.05, 0.04, 0.03, 0.50, 0.05, 0.20, 0.10, 0.22, 0.9, 0.30),
    "weak": (0.00, 0.05, 0.07, 0.20, 0.12, 0.03, 0.15, 0.08, 0.16, 0.10, 0.10, 0.7, 0.20),
    "none": (0.00, 0.04, 0.05, 0.07, 0.05, 0.03, 0.05, 0.03, 0.07, 0.12, 0.05, 0.4, 0.08),
}


@dataclass(frozen=True)
class Stain:
    """How one slide was stained.

    Attributes
    ----------
    vectors
        Optical density of the nuclear dye and of the other one, per unit of dye, (2, 3) RGB.
    diffuse
        Amount of either dye in each `Part`, (2, parts).
    nuclei
        Amount of either dye in a nucleus.
    glass
        RGB of the empty slide.
    """

    vectors: NDArray[np.float32]
    diffuse: NDArray[np.float32]
    nuclei: tuple[float, float]
    glass: NDArray[np.float32]


def draw_stain(rng: np.random.Generator, source: Source) -> Stain:
    """A slide of the source's kind: haematoxylin with DAB (HPA), eosin or PAS (Hubmap)."""
    if source == "HPA":
        antigen = str(rng.choice(list(_ANTIGENS), p=[0.38, 0.22, 0.25, 0.15]))
        other, table = DAB, _ANTIGENS[antigen]
        strength = rng.uniform(0.7, 1.6)
        in_nuclei = rng.uniform(0.4, 0.9) if rng.random() < 0.25 else 0.04
        nuclear, base = HAEMATOXYLIN, rng.uniform(0.95, 1.35)
    else:
        acid = rng.random() < 0.7
        other, table = (EOSIN, _EOSIN) if acid else (PAS, _PAS)
        strength, in_nuclei = rng.uniform(0.6, 1.05), 0.15
        nuclear, base = HAEMATOXYLIN_PURPLE, rng.uniform(1.0, 1.4)
    vectors = np.array([nuclear, other]) * rng.normal(1, 0.025, (2, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    diffuse = np.array([np.array(_NUCLEAR_DYE) * base, np.array(table) * strength])
    return Stain(
        vectors=vectors.astype(np.float32),
        diffuse=diffuse.astype(np.float32),
        nuclei=(rng.uniform(0.7, 0.85) * base, in_nuclei),
        glass=(rng.uniform(240, 247) + rng.normal(0, 1, 3)).astype(np.float32),
    )


def dye(frame: Frame, tissue: Tissue, stain: Stain) -> tuple[Plane, Plane]:
    """Amounts of the nuclear and of the other dye at each pixel."""
    parts = tissue.parts
    uneven = 1 + 0.10 * frame.noise(300) + 0.16 * frame.noise(14, octaves=3)
    grain = 1 + 0.12 * frame.noise(90) + 0.16 * frame.noise(7) + 0.24 * frame.noise(2.6, octaves=2)
    threads = (parts == Part.STROMA) | (parts == Part.MUSCLE)
    streaks = np.where(threads, 1 + 0.34 * frame.fibres(tissue.angle), 1).clip(0.1, 2.2)
    cover = sum((paint(frame, cells) for cells in tissue.nuclei), np.zeros(frame.shape, np.float32))
    cover = (cover * (1 + 0.22 * frame.noise(1.9))).clip(0, 1.4)
    cover[parts == Part.GLASS] = 0
    first = stain.diffuse[0][parts] * uneven * streaks + stain.nuclei[0] * cover
    second = stain.diffuse[1][parts] * grain * streaks * (1 - 0.55 * cover.clip(0, 1))
    second += stain.nuclei[1] * cover
    return first.clip(0), second.clip(0)


def light(frame: Frame, first: Plane, second: Plane, stain: Stain) -> Image:
    """What a scanner sees through the two dyes: RGB uint8, (H, W, 3)."""
    sharp = max(0.45, 0.35 / frame.um)
    first, second = (
        np.asarray(cv2.GaussianBlur(dyes, (0, 0), sharp), np.float32) for dyes in (first, second)
    )
    shade = 1 + 0.006 * frame.noise(500)
    channels = [
        stain.glass[channel]
        * shade
        * np.exp(-first * stain.vectors[0, channel] - second * stain.vectors[1, channel])
        for channel in range(3)
    ]
    return np.stack(channels, -1).clip(0, 255).round().astype(np.uint8)
