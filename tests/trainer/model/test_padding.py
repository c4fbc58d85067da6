"""Padding moved into kernels changes nothing but the time."""

from __future__ import annotations

import copy

import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from trainer.model.network import build
from trainer.model.padding import pad_in_kernels
from trainer.settings import Network


def copying(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, Conv2dSame)]


def test_a_network_says_the_same_without_copies() -> None:
    torch.manual_seed(0)
    made = Network.model_validate({"encoder": "tf_efficientnet_lite0", "pretrained": False})
    network = build(made).module.eval().requires_grad_(False)
    changed = pad_in_kernels(copy.deepcopy(network))
    image = 255 * torch.rand(1, 3, 96, 160)
    with torch.inference_mode():
        said, wanted = changed(image), network(image)
    assert len(copying(network)) == 5
    assert not copying(changed)
    assert torch.allclose(said, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("step", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (4, 2), (5, 3)])
def test_any_kernel_and_stride(size: tuple[int, int], step: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = nn.Sequential(Conv2dSame(4, 6, size, step, groups=2).requires_grad_(False))
    maps = torch.rand(1, 4, 8, 12)
    wanted = layer(maps)
    assert torch.allclose(pad_in_kernels(layer)(maps), wanted, atol=1e-6)
    assert not copying(layer)


def test_a_dilated_one_stays() -> None:
    layer = nn.Sequential(Conv2dSame(4, 4, 3, dilation=2))
    assert pad_in_kernels(layer)[0] is layer[0]  # type: ignore[index]
    assert copying(layer)
