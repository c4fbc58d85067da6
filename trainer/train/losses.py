"""What a training makes small."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy of logits and a target in 0..1, both (B, 1, H, W)."""
    return F.binary_cross_entropy_with_logits(logits, target)


def soft_dice(logits: Tensor, target: Tensor) -> Tensor:
    """One minus the Dice coefficient of probabilities and a target in 0..1, over the batch.

    Over the batch and not by image, so that an empty crop has a gradient worth having.
    Milletari, F. et al., "V-Net", 3DV 2016, without its squares (which suit hard targets only).
    """
    probability = logits.sigmoid()
    both = (probability * target).sum()
    return 1 - (2 * both + 1) / (probability.sum() + target.sum() + 1)


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
