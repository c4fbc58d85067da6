"""Encoders of timm and smp: their names, what they expect, and images of any size."""

from __future__ import annotations

import difflib
from typing import Any

import torch
from torch import Tensor, nn

from trainer.errors import SettingsError
from trainer.settings import Network

Colours = tuple[float, float, float]

_ANY_SIZE: dict[str, dict[str, bool]] = {
    # windows shift in the last stage too: it is larger than one once images are larger than 224
    "swin_": {"strict_img_size": False, "always_partition": True},
    "swinv2_cr_": {},  # knows no other size
    "swinv2_": {"strict_img_size": False},
}
"""By the beginning of their names: what timm's encoders need to take images of any size."""


def smp_name(encoder: str) -> str:
    """What smp calls the encoder: timm's have the prefix ``tu-``, its own have none.

    Raises
    ------
    SettingsError
        If neither has it; the nearest known one is named.
    """
    import timm
    from segmentation_models_pytorch.encoders import encoders

    if timm.is_model(encoder.split(".")[0]):
        return f"tu-{encoder}"
    if encoder in encoders:
        return encoder
    near = difflib.get_close_matches(encoder, [*timm.list_models(), *encoders], n=1, cutoff=0.0)
    raise SettingsError(f"unknown encoder `{encoder}` (did you mean `{near[0]}`?)")


def options(network: Network) -> dict[str, Any]:
    """What timm is asked for besides the encoder's name; nothing of smp's own encoders."""
    if not smp_name(network.encoder).startswith("tu-"):
        if network.drop_path is not None:
            raise SettingsError(f"`drop_path` is of timm's encoders, not of `{network.encoder}`")
        return {}
    found: dict[str, Any] = {}
    for beginning, asked in _ANY_SIZE.items():
        if network.encoder.startswith(beginning):
            found |= asked
            break
    if network.drop_path is not None:
        found["drop_path_rate"] = network.drop_path
    return found


def normalisation(name: str, weights: str | None) -> tuple[Colours, Colours]:
    """Mean and deviation, in grey levels, that the encoder of that smp name expects."""
    import timm
    from segmentation_models_pytorch.encoders import get_preprocessing_params
    from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    mean, std = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    if name.startswith("tu-"):
        known = timm.get_pretrained_cfg(name.removeprefix("tu-"))
        mean, std = (known.mean, known.std) if known else (mean, std)
    elif weights is not None:  # smp asks the hub for them
        params = get_preprocessing_params(name, weights)
        mean, std = params["mean"], params["std"]
    red, green, blue = (255 * value for value in mean)
    red_sd, green_sd, blue_sd = (255 * value for value in std)
    return (red, green, blue), (red_sd, green_sd, blue_sd)


def freed(encoder: nn.Module) -> nn.Module:
    """The encoder, taking images of any multiple of 32 where only its wrapping forbids it."""
    from timm.models.coat import CoaT

    getter: Any = getattr(encoder, "model", None)
    coat = getattr(getter, "model", None)
    if isinstance(coat, CoaT):
        encoder.model = CoatStages(coat, len(getter.out_indices))
    return encoder


class CoatStages(nn.Module):
    """The stages of timm's CoaT for images of any multiple of 32; timm's own wants its one size.

    Xu, W. et al., "Co-Scale Conv-Attentional Image Transformers", ICCV 2021. None of its weights
    depends on the size.

    Parameters
    ----------
    coat
        As timm's feature extraction leaves it: it may have no more scales than are wanted.
    scales
        The first so many are given.
    """

    def __init__(self, coat: nn.Module, scales: int) -> None:
        super().__init__()
        self.coat: Any = coat
        self._scales = scales

    def forward(self, image: Tensor) -> list[Tensor]:
        """Features of strides 4, 8, 16 and 32, each (B, C, H, W)."""
        seen, sizes, maps = [], [], [image]
        for scale in range(1, 5):
            embed = getattr(self.coat, f"patch_embed{scale}")
            if embed is None:
                break
            grid = embed.proj(maps[-1])
            sizes.append(grid.shape[-2:])
            first = getattr(self.coat, f"cls_token{scale}").expand(len(image), -1, -1)
            tokens = torch.cat((first, embed.norm(grid.flatten(2).transpose(1, 2))), dim=1)
            for block in getattr(self.coat, f"serial_blocks{scale}"):
                tokens = block(tokens, size=sizes[-1])
            seen.append(tokens)
            maps.append(_as_map(tokens, sizes[-1]))
        if self.coat.parallel_blocks is None:
            return maps[1 : 1 + self._scales]
        mixed = self._mixed(seen, sizes)[: self._scales]
        return [_as_map(one, size) for one, size in zip(mixed, sizes, strict=False)]

    def _mixed(self, seen: list[Tensor], sizes: list[Any]) -> list[Tensor]:
        """The scales after they have attended to each other."""
        for block in self.coat.parallel_blocks:
            placed = [
                getattr(self.coat, f"cpe{scale}")(seen[scale - 1], sizes[scale - 1])
                for scale in (2, 3, 4)
            ]
            seen = list(block(seen[0], *placed, sizes=sizes))
        return seen


def _as_map(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) of tokens, (B, 1 + H·W, C), whose first is the class."""
    return tokens[:, 1:].transpose(1, 2).unflatten(2, tuple(size)).contiguous()
