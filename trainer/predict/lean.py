"""A network as it is asked on a device: by fewer steps, and exact where rounding would show."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainer.model.bodies import Body
from trainer.model.folding import fold
from trainer.model.fusing import fuse
from trainer.model.network import Segmenter
from trainer.model.padding import pad_in_kernels


class InFloat32(nn.Module):
    """An encoder that autocast leaves alone; only what it gives is rounded, once.

    Parameters
    ----------
    encoder
        (B, 3, H, W) to features.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> list[Tensor]:
        """The features, in the numbers that the decoder multiplies."""
        kind, given = image.device.type, image.dtype
        if torch.is_autocast_enabled(kind):
            given = torch.get_autocast_dtype(kind)
        with torch.autocast(kind, enabled=False):
            return [features.to(given) for features in self.encoder(image)]


def lean(network: Segmenter, device: torch.device, compiled: bool = False) -> nn.Module:
    """A copy of a network for a device, that says the same.

    Batch normalisations are folded everywhere. On a CPU convolutions also pad and activate by
    themselves, and its half precision, bfloat16, is kept to the decoder: it is the encoder's
    roundings that show in a mask.

    Parameters
    ----------
    network
        In evaluation mode, on the CPU.
    device
        Where it will be asked.
    compiled
        Whether torch will compile it, which lets convolutions activate by itself.
    """
    made = fold(network.requires_grad_(False))
    if device.type == "cpu":
        made = pad_in_kernels(made)
        if not compiled:
            made = fuse(made)
        body = made.get_submodule("body")
        assert isinstance(body, Body)
        body.encoder = InFloat32(body.encoder)
    made.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return made.to(device)
