"""Stains: what an image is dyed with, and the same image in another laboratory's dyes.

Macenko and Vahadane take an image's optical density apart into two stains (Beer-Lambert):
density = concentration @ matrix, intensity = `WHITE` * exp(-density). Reinhard matches mean and
spread of colours and knows no stains; matching of histograms gives each channel the reference's
distribution of levels (Gonzalez and Woods, "Digital Image Processing").

Reinhard, E. et al., "Color transfer between images", IEEE Computer Graphics and Applications
21 (2001); here in CIELAB, as histology tools do, instead of the paper's lαβ.
Macenko, M. et al., "A method for normalizing histology slides for quantitative analysis",
ISBI (2009).
Vahadane, A. et al., "Structure-preserving color normalization and sparse stain separation for
histological images", IEEE Transactions on Medical Imaging 35 (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image
from trainer.errors import ImageError

Method = Literal["reinhard", "macenko", "vahadane", "histogram"]
Floats: TypeAlias = NDArray[np.float32]

WHITE = 240.0
"""Intensity of light that no stain has dimmed, as Macenko's code has it."""

_FAINT = 0.15
"""Optical density below which a pixel is glass (Macenko's β)."""

_EXTREME = 1.0
"""Percent of pixels beyond a stain's angle (Macenko's α)."""

_STRONGEST = 99.0
"""Percentile of the concentrations that two images are matched at."""

_SPARSITY = 0.1
"""Vahadane's λ: what a unit of concentration costs while stains are learnt."""

_ROUNDS = 100
_SAMPLE = 50_000
"""Pixels that stains are learnt from, at the most."""

_FEWEST = 100
"""Pixels of tissue without which an image has no stains to speak of."""


@dataclass(frozen=True, slots=True)
class Stains:
    """The two stains of an image.

    Attributes
    ----------
    matrix
        float32 (2, 3): optical density of red, green and blue of each stain, rows of unit
        length; haematoxylin, which dims red more, first.
    strength
        float32 (2,): 99th percentile of each one's concentration.
    """

    matrix: Floats
    strength: Floats


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's colours, as others are to have them; made by `of`.

    Attributes
    ----------
    stains
        For Macenko and Vahadane.
    mean, deviation
        For Reinhard, float32 (3,), of CIELAB.
    levels
        For histograms, float32 (3, 256): share of the pixels that are no brighter.
    """

    method: Method
    stains: Stains | None = None
    mean: Floats | None = None
    deviation: Floats | None = None
    levels: Floats | None = None

    @classmethod
    def of(cls, image: Image, method: Method, file: Path | None = None) -> Self:
        """The colours of an image.

        Parameters
        ----------
        image
            Of any size.
        method
            Which colours are meant.
        file
            Where it is from, for the error.

        Raises
        ------
        ImageError
            If it shows too little tissue to know its stains.
        """
        if method == "reinhard":
            mean, deviation = _moments(_lab(image))
            return cls(method, mean=mean, deviation=deviation)
        if method == "histogram":
            return cls(method, levels=_levels(image))
        stains = fit(image, method)
        if stains is None:
            raise ImageError(
                "shows too little tissue to know its stains",
                file=file,
                remedy="choose another reference image",
            )
        return cls(method, stains=stains)


def transfer(image: Image, reference: Reference, own: Reference | None = None) -> Image:
    """The image in the reference's colours; as it is where it shows too little tissue.

    Parameters
    ----------
    image
        RGB, uint8 (H, W, 3).
    reference
        Whose colours.
    own
        The colours, by the reference's method, of what `image` is a part of; its own if None.

    Returns
    -------
    uint8 (H, W, 3)
    """
    if reference.method == "reinhard":
        return _reinhard(image, reference, own)
    if reference.levels is not None:
        return _matched(image, reference.levels, None if own is None else own.levels)
    stains = fit(image, reference.method) if own is None else own.stains
    if stains is None or reference.stains is None:
        return image
    amounts = concentrations(image, stains.matrix, reference.method)
    factors = reference.stains.strength / np.maximum(stains.strength, 1e-6)
    return compose(amounts * factors, reference.stains.matrix)


def fit(image: Image, method: Method) -> Stains | None:
    """The stains of an image by Macenko or Vahadane; None where it shows too little tissue.

    Raises
    ------
    ValueError
        For a method that knows no stains.
    """
    if method not in ("macenko", "vahadane"):
        raise ValueError(f"the method {method} knows no stains")
    density = optical_density(image).reshape(-1, 3)
    tissue = density[(density >= _FAINT).all(1)]
    if len(tissue) < _FEWEST:
        return None
    tissue = tissue[:: -(-len(tissue) // _SAMPLE)]
    found = _macenko(tissue) if method == "macenko" else _vahadane(tissue)
    if found is None:
        return None
    amounts = _amounts(density[:: -(-len(density) // _SAMPLE)], found, method)
    strength = np.percentile(amounts, _STRONGEST, axis=0).astype(np.float32)
    return Stains(found, strength)


def optical_density(image: Image) -> Floats:
    """float32 (H, W, 3): how much of each colour's light is gone, 0 for `WHITE`."""
    levels = -np.log((np.arange(256, dtype=np.float32) + 1) / WHITE)
    return np.asarray(cv2.LUT(image, levels), np.float32)


def concentrations(image: Image, matrix: Floats, method: Method = "macenko") -> Floats:
    """How much of each stain a pixel has, float32 (H, W, 2).

    By least squares; for Vahadane none is negative.
    """
    density = optical_density(image)
    return _amounts(density.reshape(-1, 3), matrix, method).reshape(*density.shape[:2], 2)


def compose(amounts: NDArray[np.floating], matrix: Floats) -> Image:
    """The image of these concentrations (H, W, 2) of these stains (2, 3); uint8 (H, W, 3)."""
    intensity = WHITE * np.exp(-(amounts.astype(np.float32) @ matrix))
    return np.clip(intensity, 0, 255).astype(np.uint8)


def _amounts(density: Floats, matrix: Floats, method: Method) -> Floats:
    if method == "vahadane":
        return _non_negative(density, matrix, 0.0)
    return np.asarray(density @ np.linalg.pinv(matrix), dtype=np.float32)


def _macenko(tissue: Floats) -> Floats | None:
    """The extreme directions within the plane of the two largest principal components."""
    _, vectors = np.linalg.eigh(np.cov(tissue.T))
    plane = vectors[:, 1:]
    # an eigenvector's sign is arbitrary: both must point to where the pixels are
    plane = plane * np.where(plane.sum(0) < 0, -1.0, 1.0)
    flat = tissue @ plane
    angles = np.arctan2(flat[:, 1], flat[:, 0])
    ends = np.percentile(angles, (_EXTREME, 100 - _EXTREME))
    pair = np.stack([plane @ (np.cos(end), np.sin(end)) for end in ends])
    return _ordered(pair)


def _vahadane(tissue: Floats) -> Floats | None:
    """Dictionary of two non-negative stains whose concentrations are non-negative and sparse.

    Alternating: concentrations by coordinate descent on half the squared error and `_SPARSITY`
    times their sum, then each stain in turn by least squares (Cichocki's and Phan's hierarchical
    alternating least squares, 2009), scaled to unit length.
    """
    first = _macenko(tissue)
    if first is None:
        return None
    matrix = np.maximum(first, 1e-3)
    matrix = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    for _ in range(_ROUNDS):
        before = matrix.copy()
        amounts = _non_negative(tissue, matrix, _SPARSITY)
        square, product = amounts.T @ amounts, amounts.T @ tissue
        for one, other in ((0, 1), (1, 0)):
            if square[one, one] > 0:
                row = (product[one] - square[one, other] * matrix[other]) / square[one, one]
                row = np.maximum(row, 0)
                matrix[one] = row / max(float(np.linalg.norm(row)), 1e-6)
        if np.abs(matrix - before).max() < 1e-5:
            break
    return _ordered(matrix)


def _non_negative(density: Floats, matrix: Floats, sparsity: float) -> Floats:
    """Concentrations ≥ 0 that explain the density best, each unit of them costing `sparsity`.

    With two stains of unit length the optimum is met in one of four cases: both, either, none.
    """
    with_each = density @ matrix.T - np.float32(sparsity)
    cosine = float(matrix[0] @ matrix[1])
    both = (with_each - cosine * with_each[:, ::-1]) / max(1 - cosine**2, 1e-6)
    alone = np.maximum(with_each, 0)
    first_only = alone[:, 0] >= alone[:, 1]
    single = np.where(np.stack([first_only, ~first_only], 1), alone, 0)
    return np.where((both >= 0).all(1, keepdims=True), both, single).astype(np.float32)


def _ordered(pair: NDArray[np.floating]) -> Floats | None:
    """Haematoxylin, the one that dims red more, first; None where the two are one."""
    if pair[0, 0] < pair[1, 0]:
        pair = pair[::-1]
    if not np.isfinite(pair).all() or abs(float(pair[0] @ pair[1])) > 1 - 1e-6:
        return None
    return np.ascontiguousarray(pair, dtype=np.float32)


def _reinhard(image: Image, reference: Reference, own: Reference | None) -> Image:
    assert reference.mean is not None and reference.deviation is not None
    lab = _lab(image)
    mean, deviation = _moments(lab)
    if own is not None and own.mean is not None and own.deviation is not None:
        mean, deviation = own.mean, own.deviation
    moved = (lab - mean) * (reference.deviation / np.maximum(deviation, 1e-6)) + reference.mean
    rgb = cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_Lab2RGB)
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def _levels(image: Image) -> Floats:
    counts = [np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(image, -1, 0)]
    return (np.cumsum(counts, axis=1) / (image.shape[0] * image.shape[1])).astype(np.float32)


def _matched(image: Image, wanted: Floats, own: Floats | None) -> Image:
    """Each level to the one that has as great a share of the reference below it."""
    own = _levels(image) if own is None else own
    table = np.empty((256, 1, 3), np.uint8)
    for channel, (mine, theirs) in enumerate(zip(own, wanted, strict=True)):
        # levels that the reference has none of would make its inverse ambiguous
        there = np.flatnonzero(np.diff(theirs, prepend=0) > 0)
        table[:, 0, channel] = np.rint(np.interp(mine, theirs[there], there))
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _lab(image: Image) -> Floats:
    unit = image.astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(unit, cv2.COLOR_RGB2Lab), dtype=np.float32)


def _moments(lab: Floats) -> tuple[Floats, Floats]:
    mean, deviation = cv2.meanStdDev(lab)
    return mean[:, 0].astype(np.float32), deviation[:, 0].astype(np.float32)
