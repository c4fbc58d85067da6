"""Normalisation folded away changes nothing but the time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trainer.model.folding import fold
from trainer.model.network import build
from trainer.settings import Network


def normalisations(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def unsettled(network: nn.Module) -> nn.Module:
    """With statistics as a training leaves them."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        ("test_efficientnet", "unet"),
        ("tf_efficientnet_lite0", "unet"),
        ("resnet18", "fpn"),
        ("resnet18", "daformer"),
        ("resnet18", "fpn-aspp-unet"),
        ("resnet18", "pan"),
    ],
)
def test_every_normalisation_goes_and_the_network_says_the_same(encoder: str, decoder: str) -> None:
    channels = (16, 16, 8, 8, 8) if "unet" in decoder else (32, 32)
    made = Network.model_validate(
        {"encoder": encoder, "decoder": decoder, "decoder_channels": channels, "pretrained": False}
    )
    network = unsettled(build(made).module)
    before = normalisations(network)
    folded = fold(network)
    image = 255 * torch.rand(2, 3, 160, 128)
    with torch.inference_mode():
        said, wanted = folded(image), network(image)
    assert torch.allclose(said, wanted, rtol=1e-3, atol=1e-3)
    assert before > 5
    assert normalisations(folded) == 0
    assert normalisations(network) == before


def test_where_folding_would_change_the_network_it_stays() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(3, 3, 1)
            self.normalisation = nn.BatchNorm2d(3)

        def forward(self, image: Tensor) -> Tensor:
            found = self.convolution(image)
            return self.normalisation(found) + found

    network = unsettled(Twice())
    assert fold(network) is network
