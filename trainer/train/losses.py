"""Losses of a mask: logits and a target in 0..1, both (B, 1, H, W), to one number."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_LEAST = 1e-6
"""Below it a root's slope would be endless."""


def bce(logits: Tensor, target: Tensor, positive_weight: float = 1.0) -> Tensor:
    """Mean binary cross-entropy, in which the part of a unit's inside is multiplied."""
    weight = None if positive_weight == 1 else logits.new_tensor(positive_weight)
    return F.binary_cross_entropy_with_logits(logits, target, pos_weight=weight)


def soft_dice(logits: Tensor, target: Tensor) -> Tensor:
    """One minus the Dice coefficient of probabilities and a target in 0..1, over the batch.

    Over the batch and not by image, so that an empty crop has a gradient worth having.
    Milletari, F. et al., "V-Net", 3DV 2016, without its squares (which suit hard targets only).
    """
    probability = logits.sigmoid()
    both = (probability * target).sum()
    return 1 - (2 * both + 1) / (probability.sum() + target.sum() + 1)


def jaccard(logits: Tensor, target: Tensor) -> Tensor:
    """One minus intersection over union, over the batch.

    Rahman, M. A. and Wang, Y., "Optimizing intersection-over-union in deep neural networks for
    image segmentation", ISVC 2016.
    """
    probability = logits.sigmoid()
    both = (probability * target).sum()
    return 1 - (both + 1) / (probability.sum() + target.sum() - both + 1)


def tversky(
    logits: Tensor, target: Tensor, false_positive: float = 0.3, false_negative: float = 0.7
) -> Tensor:
    """One minus the Tversky index, over the batch; with both prices 0.5 it is `soft_dice`.

    Salehi, S. S. M. et al., "Tversky loss function for image segmentation using 3D fully
    convolutional deep networks", MLMI 2017.
    """
    probability = logits.sigmoid()
    both = (probability * target).sum()
    spurious, missed = probability.sum() - both, target.sum() - both
    errors = 2 * (false_positive * spurious + false_negative * missed)
    return 1 - (2 * both + 1) / (2 * both + errors + 1)


def focal_tversky(
    logits: Tensor,
    target: Tensor,
    false_positive: float = 0.3,
    false_negative: float = 0.7,
    focus: float = 4 / 3,
) -> Tensor:
    """The Tversky loss to the power 1 / `focus`.

    Abraham, N. and Khan, N. M., "A novel focal Tversky loss function with improved attention
    U-Net for lesion segmentation", ISBI 2019.
    """
    loss = tversky(logits, target, false_positive, false_negative)
    return loss.clamp_min(_LEAST) ** (1 / focus)


def focal(
    logits: Tensor, target: Tensor, focus: float = 2.0, positive_weight: float = 1.0
) -> Tensor:
    """Mean cross-entropy, each pixel's multiplied by its error to the power `focus`.

    Lin, T.-Y. et al., "Focal loss for dense object detection", ICCV 2017; at pixels that lie
    partly inside as Li, X. et al., "Generalized focal loss", NeurIPS 2020.
    """
    weight = None if positive_weight == 1 else logits.new_tensor(positive_weight)
    entropy = F.binary_cross_entropy_with_logits(
        logits, target, pos_weight=weight, reduction="none"
    )
    return ((target - logits.sigmoid()).abs() ** focus * entropy).mean()


def lovasz(logits: Tensor, target: Tensor) -> Tensor:
    """The Lovász hinge, image by image; a pixel is inside from half of it on.

    Berman, M. et al., "The Lovász-softmax loss", CVPR 2018, algorithm 1. smp's is the same, an
    image at a time, but mixes float32 into float64.
    """
    inside = (target >= 0.5).to(logits.dtype).flatten(1)
    errors, order = (1 - logits.flatten(1) * (2 * inside - 1)).sort(dim=1, descending=True)
    inside = inside.gather(1, order)
    units = inside.sum(1, keepdim=True)
    missed, spurious = inside.cumsum(1), (1 - inside).cumsum(1)
    jaccard_loss = 1 - (units - missed) / (units + spurious)
    steps = jaccard_loss.diff(dim=1, prepend=torch.zeros_like(units))
    return (errors.relu() * steps).sum(1).mean()


def boundary(logits: Tensor, target: Tensor) -> Tensor:
    """Mean of probabilities times the signed distance to the boundary, in pixels.

    Negative where all is right. An image without a boundary counts nothing.
    Kervadec, H. et al., "Boundary loss for highly unbalanced segmentation", MIDL 2019.
    """
    return (logits.sigmoid() * signed_distance(target).to(logits.dtype)).mean()


def gaps(logits: Tensor, target: Tensor, width: int = 8) -> Tensor:
    """Cross-entropy of the ground between units that lie near each other, over all pixels.

    So that touching units come apart: such ground is so little that no other loss heeds it.
    The weight map of Ronneberger, O. et al., "U-Net", MICCAI 2015, made by a morphological
    closing in place of distances to the two nearest units.

    Parameters
    ----------
    logits, target
        As of every loss here.
    width
        In pixels, up to which ground lies between units.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (between(target, width) * entropy).mean()


def between(target: Tensor, width: int) -> Tensor:
    """What a closing by a square adds to a target in 0..1, (B, 1, H, W): ground in 0..1."""
    side = width + 1 + width % 2
    return -_largest(-_largest(target, side), side) - target


def _largest(values: Tensor, side: int) -> Tensor:
    """The largest of a square of odd side around each pixel."""
    half = side // 2
    rows = F.max_pool2d(values, (side, 1), stride=1, padding=(half, 0))
    return F.max_pool2d(rows, (1, side), stride=1, padding=(0, half))


def signed_distance(target: Tensor) -> Tensor:
    """Distance to the boundary in pixels, negative inside, float32 on the target's device.

    Of (B, 1, H, W) in 0..1, inside from 0.5 on; a pixel beside the boundary is 1 outside and 0
    inside, as in Kervadec's own program. 0 where an image has no boundary.
    """
    maps = [_signed_distance(one) for one in (target[:, 0] >= 0.5).cpu().numpy()]
    return torch.from_numpy(np.stack(maps))[:, None].to(target.device)


def _signed_distance(inside: np.ndarray) -> np.ndarray:
    if inside.all() or not inside.any():
        return np.zeros(inside.shape, np.float32)
    within = inside.astype(np.uint8)
    outer, inner = (
        cv2.distanceTransform(one, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for one in (1 - within, within)
    )
    return np.where(inside, 1 - inner, outer).astype(np.float32)


def soften(target: Tensor, pixels: int) -> Tensor:
    """A target that rises from 0 to 1 in a band of so many pixels at each side of a boundary.

    Parameters
    ----------
    target
        (B, 1, H, W) in 0..1; further from a boundary it stays as it is.
    pixels
        0 for none.
    """
    if pixels == 0:
        return target
    side = 2 * pixels + 1
    return F.avg_pool2d(target, side, stride=1, padding=pixels, count_include_pad=False)


def weighed(values: Tensor, weights: Tensor) -> Tensor:
    """The same values, whose gradients arrive multiplied by each sample's weight.

    So a weight means the same to every loss: one that is a mean of its samples', and Dice over
    a batch, which is none and in which a factor would cancel out.

    Parameters
    ----------
    values
        (B, ...), such as logits.
    weights
        (B,), 0 or more.
    """
    still = values.detach()
    return still + weights.reshape(-1, *[1] * (values.ndim - 1)) * (values - still)
