"""Batch normalisation folded into the convolution before it: the same network, fewer steps."""

from __future__ import annotations

import copy
import logging

from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from trainer.model.trial import apart, followed, tried

_log = logging.getLogger(__name__)


def fold(network: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode whose batch normalisations are folded away.

    Which convolution a normalisation follows is seen in one small run, and a second one proves
    that the copy says the same; if it does not, the network itself comes back.

    Parameters
    ----------
    network
        Takes (B, 3, H, W) in 0..255, on the CPU.
    """
    trial = tried(network)
    folded = copy.deepcopy(network)
    pairs = followed(folded, trial.image, nn.BatchNorm2d)
    names = {module: name for name, module in folded.named_modules()}
    for convolution, normalisation in pairs:
        _absorb(convolution, normalisation)
        folded.set_submodule(names[normalisation], _rest(normalisation))
    if (difference := apart(folded, trial)) is not None:
        _log.info("batch normalisation stays: folded, the network differs by %g", difference)
        return network
    return folded


def _absorb(convolution: nn.Conv2d, normalisation: nn.BatchNorm2d) -> None:
    fused = fuse_conv_bn_eval(convolution, normalisation)
    convolution.weight = fused.weight
    convolution.bias = fused.bias


def _rest(normalisation: nn.BatchNorm2d) -> nn.Module:
    """What a normalisation does besides: timm's also drop and activate."""
    besides = [getattr(normalisation, name, None) for name in ("drop", "act")]
    return nn.Sequential(*(module for module in besides if isinstance(module, nn.Module)))
