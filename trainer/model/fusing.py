"""Activations done by the convolutions before them on a CPU: one pass less over each map."""

from __future__ import annotations

import copy
import logging

import torch
from torch import Tensor, nn

from trainer.model.trial import apart, followed, tried

_log = logging.getLogger(__name__)

_WORDS: dict[type[nn.Module], tuple[str, list[float]]] = {
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
    nn.SiLU: ("swish", []),
}
"""What oneDNN calls them, and their bounds."""


class Activated(nn.Module):
    """A convolution and the activation after it as one step of oneDNN.

    Torch's compiler calls the same operator for the two.

    Parameters
    ----------
    convolution
        Padded with zeros, no longer trained.
    activation
        One that `fuse` knows.
    """

    def __init__(self, convolution: nn.Conv2d, activation: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution
        self._word, self._bounds = _WORDS[type(activation)]

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) as the convolution takes it, in the numbers of the surrounding autocast."""
        made, kind = self.convolution, maps.dtype
        if torch.is_autocast_enabled("cpu"):
            kind = torch.get_autocast_dtype("cpu")
        return torch.ops.mkldnn._convolution_pointwise(
            maps.to(kind),
            made.weight.to(kind),
            None if made.bias is None else made.bias.to(kind),
            made.padding,
            made.stride,
            made.dilation,
            made.groups,
            self._word,
            self._bounds,
            "",
        )


def fuse(network: nn.Module) -> nn.Module:
    """A copy of a network whose convolutions activate too, where torch has oneDNN for that.

    What follows what is seen in one small run, and a second one proves that the copy says the
    same; if it does not, the network itself comes back.

    Parameters
    ----------
    network
        In evaluation mode; takes (B, 3, H, W) in 0..255, on the CPU.
    """
    if not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return network
    trial = tried(network)
    fused = copy.deepcopy(network)
    names = {module: name for name, module in fused.named_modules()}
    for convolution, activation in followed(fused, trial.image, *_WORDS):
        if _is_plain(convolution) and type(activation) in _WORDS:
            fused.set_submodule(names[convolution], Activated(convolution, activation))
            fused.set_submodule(names[activation], nn.Identity())
    if (difference := apart(fused, trial)) is not None:
        _log.info("activations stay by themselves: fused, the network differs by %g", difference)
        return network
    return fused


def _is_plain(convolution: nn.Conv2d) -> bool:
    """Whether its numbers say all that it does."""
    padded = not isinstance(convolution.padding, str) and convolution.padding_mode == "zeros"
    return type(convolution) is nn.Conv2d and padded
