"""Batch normalisation folded into the convolution before it: the same network, fewer steps."""

from __future__ import annotations

import copy
import logging

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

_log = logging.getLogger(__name__)

_SIDE = 128
_NEAR = 1e-3
"""Relative to the largest logit: what rounding makes of the same sum in another order."""


def fold(network: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode whose batch normalisations are folded away.

    Which convolution a normalisation follows is seen in one small run, and a second one proves
    that the copy says the same; if it does not, the network itself comes back.

    Parameters
    ----------
    network
        Takes (B, 3, H, W) in 0..255, on the CPU.
    """
    sample = _sample()
    with torch.inference_mode():
        said = network(sample)
    folded = copy.deepcopy(network)
    pairs = _pairs(folded, sample)
    names = {module: name for name, module in folded.named_modules()}
    for convolution, normalisation in pairs:
        _absorb(convolution, normalisation)
        parent, _, leaf = names[normalisation].rpartition(".")
        setattr(folded.get_submodule(parent), leaf, _rest(normalisation))
    with torch.inference_mode():
        apart = (folded(sample) - said).abs().max()
    if not bool(apart <= _NEAR * (1 + said.abs().max())):
        _log.info("batch normalisation stays: folded, the network differs by %g", float(apart))
        return network
    return folded


def _sample() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 255 * torch.rand(1, 3, _SIDE, _SIDE, generator=generator)


def _pairs(network: nn.Module, sample: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions and the normalisations of what they give, each once."""
    given: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def gave(module: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        given[id(output)] = (module, output)  # kept, so that no other tensor gets its id

    def takes(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        if id(inputs[0]) in given:
            pairs.append((given[id(inputs[0])][0], module))

    hooks = [m.register_forward_hook(gave) for m in network.modules() if isinstance(m, nn.Conv2d)]
    hooks += [
        m.register_forward_pre_hook(takes)
        for m in network.modules()
        if isinstance(m, nn.BatchNorm2d)
    ]
    with torch.inference_mode():
        network(sample)
    for hook in hooks:
        hook.remove()
    used = [module for pair in pairs for module in pair]
    return [pair for pair in pairs if all(used.count(module) == 1 for module in pair)]


def _absorb(convolution: nn.Conv2d, normalisation: nn.BatchNorm2d) -> None:
    fused = fuse_conv_bn_eval(convolution, normalisation)
    convolution.weight = fused.weight
    convolution.bias = fused.bias


def _rest(normalisation: nn.BatchNorm2d) -> nn.Module:
    """What a normalisation does besides: timm's also drop and activate."""
    besides = [getattr(normalisation, name, None) for name in ("drop", "act")]
    return nn.Sequential(*(module for module in besides if isinstance(module, nn.Module)))
