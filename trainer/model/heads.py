"""What a network is taught besides the mask; none of it is asked when predicting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.errors import SettingsError
from trainer.model.targets import MAPS
from trainer.settings import Network


class Outputs(NamedTuple):
    """What a network in training says of a batch.

    Attributes
    ----------
    logits
        Of the mask, (B, 1, H, W).
    auxiliary
        By name. ``deep1`` … ``deep5``: logits of the mask, (B, 1, H, W), and so is ``boundary``
        of its outline. ``distance`` and ``skeleton``: (B, 1, H, W), as `targets` has them.
        ``organ``: logits, (B, organs), in the order of the settings' `organs`. ``pixel_size``:
        (B, 1), in `targets.PIXEL_SIZE_UNIT`.
    """

    logits: Tensor
    auxiliary: dict[str, Tensor]


class Seen(NamedTuple):
    """What a body has worked out on its way to the logits.

    Attributes
    ----------
    deepest
        The encoder's last features, (B, C, h, w).
    last
        What the head of the mask takes, (B, C, h, w).
    stages
        What the decoder's stages give, deepest first.
    """

    deepest: Tensor
    last: Tensor
    stages: Sequence[Tensor]


class Auxiliary(nn.Module):
    """The heads that the settings name.

    Parameters
    ----------
    network
        The settings.
    sample
        What the body saw of any image; only the channels count.

    Raises
    ------
    SettingsError
        If the decoder has fewer stages than a `deepN` asks for.
    """

    def __init__(self, network: Network, sample: Seen) -> None:
        super().__init__()
        self.maps = nn.ModuleDict()
        self.figures = nn.ModuleDict()
        for name in network.auxiliary:
            if name.startswith("deep"):
                self.maps[name] = nn.Conv2d(_stage(name, network, sample).shape[1], 1, 1)
            elif name in MAPS:
                self.maps[name] = nn.Conv2d(sample.last.shape[1], 1, 3, padding=1)
            else:
                count = len(network.organs) if name == "organ" else 1
                self.figures[name] = nn.Linear(2 * sample.deepest.shape[1], count)

    def forward(self, seen: Seen, size: tuple[int, int]) -> dict[str, Tensor]:
        """Its outputs by name; maps at `size`, (H, W)."""
        found: dict[str, Tensor] = {}
        for name, head in self.maps.items():
            given = head(seen.stages[_index(name)] if name.startswith("deep") else seen.last)
            found[name] = F.interpolate(given, size=size, mode="bilinear", align_corners=False)
        if self.figures:
            mean, most = seen.deepest.mean(dim=(2, 3)), seen.deepest.amax(dim=(2, 3))
            pooled = torch.cat((mean, most), dim=1)
            found |= {name: head(pooled) for name, head in self.figures.items()}
        return found


def _stage(name: str, network: Network, sample: Seen) -> Tensor:
    if _index(name) >= len(sample.stages):
        raise SettingsError(
            f"`auxiliary`: there is no `{name}`, the decoder `{network.decoder}` has"
            f" {len(sample.stages)} stages",
            remedy=f"name deep1 to deep{len(sample.stages)}",
        )
    return sample.stages[_index(name)]


def _index(name: str) -> int:
    return int(name.removeprefix("deep")) - 1


_STAGES: Mapping[str, tuple[str, ...]] = {
    "unet": tuple(f"blocks.{index}" for index in range(5)),
    "unet++": tuple(f"blocks.x_0_{index}" for index in range(5)),
    "linknet": tuple(f"blocks.{index}" for index in range(5)),
    "manet": tuple(f"blocks.{index}" for index in range(5)),
    "fpn": ("p5", "p4", "p3", "p2"),
    "upernet": ("psp", *(f"fpn_conv_blocks.{index}" for index in range(3))),
    "segformer": tuple(f"mlp_stage.{index}" for index in range(5)),
    "pan": ("fpa", "gau3", "gau2", "gau1"),
    "deeplabv3": ("aspp", "conv"),
    "deeplabv3+": ("aspp", "block2"),
    "pspnet": ("psp", "conv"),
    "daformer": tuple(f"embeddings.{index}" for index in range(4)),
    "daformer-conv3x3": tuple(f"embeddings.{index}" for index in range(4)),
    "fpn-aspp-unet": tuple(f"unet.blocks.{index}" for index in range(5)),
}


def stages(network: Network, decoder: nn.Module) -> list[nn.Module]:
    """The decoder's stages, deepest first; of unet++ those that a U-Net has too."""
    names = dict(decoder.named_modules())
    return [names[name] for name in _STAGES[network.decoder] if name in names]
