"""The networks that are tested by name, and what each of them costs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from trainer.locate import resource
from trainer.settings import Network
from trainer.settings.network import Decoder

SIDE = 768
"""Of the square image that multiply-adds are counted for, in pixels."""

_EFFICIENTNETS = tuple(f"tf_efficientnet_b{size}" for size in range(8))

_TESTED: dict[Decoder, tuple[str, ...]] = {
    "unet": (
        "tf_efficientnet_lite0",
        "resnet50",
        "resnet101",
        *_EFFICIENTNETS,
        "coat_lite_small",
        "coat_lite_medium",
    ),
    "fpn-aspp-unet": ("tf_efficientnet_b0", "tf_efficientnet_b4", "tf_efficientnet_b7"),
    "upernet": (
        "swin_tiny_patch4_window7_224",
        "swin_base_patch4_window7_224",
        "convnext_tiny",
        "convnext_base",
    ),
    "segformer": (
        "mit_b2",
        "mit_b3",
        "mit_b4",
        "mit_b5",
        "swin_tiny_patch4_window7_224",
        "swin_base_patch4_window7_224",
    ),
    "daformer": ("coat_lite_small", "coat_lite_medium"),
    "daformer-conv3x3": ("coat_lite_small", "coat_lite_medium"),
    "unet++": ("resnet50", "tf_efficientnet_b7"),
    "deeplabv3+": ("resnet50",),
    "deeplabv3": ("resnet50",),
    "fpn": ("resnet50",),
    "linknet": ("resnet50",),
    "manet": ("resnet50",),
    "pan": ("resnet50",),
    "pspnet": ("resnet50",),
}

TESTED = tuple((encoder, decoder) for decoder, names in _TESTED.items() for encoder in names)
"""Encoder and decoder of each."""

_NVIDIA = "NVIDIA, non-commercial"
"""Of SegFormer's weights, https://github.com/NVlabs/SegFormer."""

_FILE = "models.json"
"""What `hubmap-trainer models --count --json` says, so that nobody has to wait for it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a network takes.

    Attributes
    ----------
    parameters
        Of encoder, decoder and head.
    macs
        Multiply-adds of one image of 768×768.
    licence
        Of the encoder's ImageNet weights; None where nobody says.
    """

    encoder: str
    decoder: str
    parameters: int
    macs: int
    licence: str | None


def known() -> dict[tuple[str, str], Cost]:
    """By encoder and decoder: the figures that come with the program."""
    document = json.loads(resource(_FILE).read_text("utf-8"))
    costs = [Cost(**told) for told in document["models"]]
    return {(one.encoder, one.decoder): one for one in costs}


def as_document(costs: list[Cost]) -> dict[str, Any]:
    """What `known` reads."""
    return {"side": SIDE, "models": [asdict(one) for one in costs]}


def count(encoder: str, decoder: str) -> Cost:
    """What a network with the decoder's own channels takes, counted without its memory.

    Raises
    ------
    SettingsError
        If the two do not go together.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from trainer.model.bodies import try_out

    told = {"encoder": encoder, "decoder": decoder, "pretrained": False}
    body, _ = try_out(Network.model_validate(told))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        body(torch.empty(1, 3, SIDE, SIDE, device="meta"))
    return Cost(
        encoder=encoder,
        decoder=decoder,
        parameters=sum(parameter.numel() for parameter in body.parameters()),
        macs=counter.get_total_flops() // 2,
        licence=licence(encoder),
    )


def licence(encoder: str) -> str | None:
    """Of the encoder's ImageNet weights, as timm states it; None where nobody does."""
    import timm

    from trainer.model.encoders import smp_name

    name = smp_name(encoder)
    if name.startswith("tu-"):
        known = timm.get_pretrained_cfg(name.removeprefix("tu-"))
        return known.license if known and known.has_weights else None
    return _NVIDIA if name.startswith("mit_b") else None
