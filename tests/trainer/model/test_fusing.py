"""Activations done by convolutions change nothing but the time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trainer.model.folding import fold
from trainer.model.fusing import Activated, fuse
from trainer.model.network import build
from trainer.settings import Network

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_convolution_pointwise"), reason="torch has no oneDNN here"
)


def count(network: nn.Module, *kinds: type[nn.Module]) -> int:
    return sum(type(module) in kinds for module in network.modules())


@pytest.mark.parametrize(
    ("encoder", "kinds", "left"),
    [
        ("mobilenetv4_conv_small_050", (nn.ReLU,), 0),
        ("test_efficientnet", (nn.ReLU, nn.SiLU), 0),
        ("resnet18", (nn.ReLU,), 8),  # after what is added to a shortcut in place
    ],
)
def test_activations_go_and_the_network_says_the_same(
    encoder: str, kinds: tuple[type[nn.Module], ...], left: int
) -> None:
    torch.manual_seed(0)
    made = Network.model_validate({"encoder": encoder, "pretrained": False})
    network = fold(build(made).module.eval().requires_grad_(False))
    lean = fuse(network)
    image = 255 * torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        said, wanted = lean(image), network(image)
    assert torch.allclose(said, wanted, rtol=1e-3, atol=1e-3)
    assert count(lean, *kinds) == left
    assert count(lean, Activated) == count(network, *kinds) - left >= 19


def test_in_the_numbers_of_autocast() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
    network.eval().requires_grad_(False)
    lean, maps = fuse(network), torch.rand(1, 3, 64, 64)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        said, wanted = lean(maps), network(maps)
    assert count(lean, Activated) == 1
    assert said.dtype == wanted.dtype == torch.bfloat16
    assert torch.allclose(said.float(), wanted.float(), rtol=0.02, atol=0.02)


def test_an_activation_that_serves_others_too_stays() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
            self.activation, self.own = nn.ReLU(), nn.ReLU()

        def forward(self, image: Tensor) -> Tensor:
            found = self.activation(self.first(image))
            return self.own(self.second(self.activation(found - 20)))

    torch.manual_seed(0)
    lean = fuse(Shared().eval().requires_grad_(False))
    assert count(lean, nn.ReLU) == 1
    assert count(lean, Activated) == 1


def test_where_fusing_would_change_the_network_it_stays() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.activation = nn.Conv2d(3, 3, 1), nn.ReLU()

        def forward(self, image: Tensor) -> Tensor:
            found = self.convolution(image)
            return self.activation(found) + found

    torch.manual_seed(0)
    network = Twice().eval().requires_grad_(False)
    assert fuse(network) is network
