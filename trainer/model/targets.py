"""What auxiliary outputs are taught: maps and figures worked out from a mask and its case."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

PIXEL_SIZE_UNIT = 10.0
"""In µm per pixel of the image as the network sees it: the ``pixel_size`` output's unit."""

REACH = 20.0
"""Distance, in pixels, from which on it makes no difference."""

_ALPHA = 0.8


def boundary(coverage: Tensor, radius: int = 2) -> Tensor:
    """1 on pixels within `radius` of where the mask begins or ends, else 0.

    The target of a contour output, as in Chen, H. et al., "DCAN: Deep Contour-Aware Networks
    for Accurate Gland Segmentation", CVPR 2016. The image's own edge is no boundary.

    Parameters
    ----------
    coverage
        Share of each pixel that belongs to units, (B, 1, H, W), in 0..1; on any device.
    radius
        In pixels, of a square.

    Returns
    -------
    Tensor
        float32, of the same shape, on the same device.
    """
    mask = (coverage >= 0.5).float()
    side = 2 * radius + 1
    # torch pads by minus infinity: what is beyond the edge never counts
    grown = F.max_pool2d(mask, side, stride=1, padding=radius)
    shrunk = -F.max_pool2d(-mask, side, stride=1, padding=radius)
    return grown - shrunk


def distance(coverage: Tensor, reach: float = REACH) -> Tensor:
    """How far each pixel lies inside (above 0) or outside (below 0) of the mask, in -1..1.

    Xue, Y. et al., "Shape-Aware Organ Segmentation by Predicting Signed Distance Maps", AAAI
    2020, but in shares of `reach` where the paper divides by each image's greatest distance,
    so that a crop means what the whole image means.

    Parameters
    ----------
    coverage
        Share of each pixel that belongs to units, (B, 1, H, W), in 0..1; on any device.
    reach
        In pixels; what lies deeper or farther is 1 or -1.

    Returns
    -------
    Tensor
        float32, of the same shape, on the same device.
    """
    return _each(partial(_signed, reach=reach), coverage)


def skeleton_distance(coverage: Tensor) -> Tensor:
    """1 on a unit's skeleton, falling to 0 at its outline and outside.

    Lin, Z. et al., "Structure-Preserving Instance Segmentation via Skeleton-Aware Distance
    Transform", MICCAI 2023: (b / (b + s))^0.8, with b the distance to the unit's outline and
    s to its skeleton. Units of any width reach 1 along their whole length, which keeps a long
    one in one piece and two that touch apart.

    Parameters
    ----------
    coverage
        Share of each pixel that belongs to units, (B, 1, H, W), in 0..1; on any device.

    Returns
    -------
    Tensor
        float32, of the same shape, on the same device.
    """
    return _each(_skeletal, coverage)


MAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "boundary": boundary,
    "distance": distance,
    "skeleton": skeleton_distance,
}
"""By the name of the auxiliary output that is taught it."""


def pixel_size(micrometres: Tensor) -> Tensor:
    """The ``pixel_size`` output's target, (B, 1), of µm per pixel as the network sees it, (B,)."""
    return (micrometres.float() / PIXEL_SIZE_UNIT)[:, None]


def _each(work: Callable[[NDArray[np.uint8]], NDArray[np.float32]], coverage: Tensor) -> Tensor:
    masks = (coverage >= 0.5).to("cpu", torch.uint8).numpy()
    found = np.stack([work(mask) for mask in masks[:, 0]])
    return torch.from_numpy(found)[:, None].to(coverage.device)


def _signed(mask: NDArray[np.uint8], reach: float) -> NDArray[np.float32]:
    # half a pixel back: the outline runs between the last pixel inside and the first outside
    inside = np.where(mask, _to_zero(mask) - 0.5, 0)
    outside = np.where(mask, 0, _to_zero(1 - mask) - 0.5)
    return np.clip((inside - outside) / reach, -1, 1).astype(np.float32)


def _to_zero(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Distance, in pixels, to the nearest 0; without any, more than an image is wide."""
    if mask.all():
        return np.full(mask.shape, float(sum(mask.shape)), np.float32)
    exact = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(exact, np.float32)


def _skeletal(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    _, labels = cv2.connectedComponents(mask, connectivity=8)
    found = np.zeros(mask.shape, np.float32)
    outline = _to_zero(mask)
    for index, place in enumerate(ndimage.find_objects(labels), start=1):
        unit = labels[place] == index
        found[place][unit] = _of_a_unit(unit, outline[place])[unit]
    return found


def _of_a_unit(unit: NDArray[np.bool_], outline: NDArray[np.float32]) -> NDArray[np.float32]:
    from skimage.morphology import skeletonize

    skeleton = np.asarray(skeletonize(unit))
    bone = _to_zero((~skeleton).astype(np.uint8))
    return ((outline / np.maximum(outline + bone, 1e-6)) ** _ALPHA).astype(np.float32)
