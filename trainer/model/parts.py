"""An encoder, a decoder and the head of the mask: smp's models, and what smp does not join."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from trainer.model.decoders import DaformerDecoder, FpnAsppUnetDecoder, PlainDaformerDecoder
from trainer.model.encoders import options, smp_name
from trainer.settings import Network

_RATES = (3, 6, 9)
"""Of DeepLab's dilated convolutions at stride 32: smp's for stride 8, (12, 24, 36), by four."""

_DILATES = ("deeplabv3", "deeplabv3+", "pan")
"""Decoders that want an encoder whose last stages dilate instead of striding."""


def joined(network: Network, channels: Sequence[int], weights: str | None) -> nn.Module:
    """A model with the parts ``encoder``, ``decoder`` and ``segmentation_head``.

    Parameters
    ----------
    network
        The settings.
    channels
        Of the decoder.
    weights
        ``imagenet`` to fetch them for the encoder; None for none.

    Raises
    ------
    AssertionError, KeyError, TypeError, ValueError
        Where timm or smp refuse.
    """
    name = smp_name(network.encoder)
    asked: dict[str, Any] = {"encoder_weights": weights, **options(network)}
    if network.decoder in ("unet++", "linknet") and name.startswith("mit_b"):
        return _Joined(network, channels, name, asked)
    try:
        return _of_smp(network, channels, name, asked)
    except (TypeError, AssertionError):
        if network.decoder not in _DILATES:
            raise
        return _Joined(network, channels, name, asked)


def _of_smp(
    network: Network, channels: Sequence[int], name: str, asked: dict[str, Any]
) -> nn.Module:
    import segmentation_models_pytorch as smp

    width = channels[0] if channels else 0
    match network.decoder:
        case "unet":
            return smp.Unet(name, decoder_channels=channels, **asked)
        case "unet++":
            return smp.UnetPlusPlus(name, decoder_channels=channels, **asked)
        case "manet":
            return smp.MAnet(name, decoder_channels=channels, **asked)
        case "linknet":
            return smp.Linknet(name, **asked)
        case "fpn":
            asked |= {"decoder_segmentation_channels": channels[1]}
            return smp.FPN(name, decoder_pyramid_channels=width, **asked)
        case "deeplabv3":
            return smp.DeepLabV3(name, decoder_channels=width, **asked)
        case "deeplabv3+":
            return smp.DeepLabV3Plus(name, decoder_channels=width, **asked)
        case "upernet":
            return smp.UPerNet(name, decoder_channels=width, **asked)
        case "segformer":
            return smp.Segformer(name, decoder_segmentation_channels=width, **asked)
        case "pan":
            return smp.PAN(name, decoder_channels=width, **asked)
        case "pspnet":
            return smp.PSPNet(name, psp_out_channels=width, **asked)
        case _:
            return _Joined(network, channels, name, asked)


class _Joined(nn.Module):
    """The project's own decoders, and smp's on encoders that its models do not take."""

    def __init__(
        self, network: Network, channels: Sequence[int], name: str, asked: dict[str, Any]
    ) -> None:
        from segmentation_models_pytorch.base import SegmentationHead
        from segmentation_models_pytorch.base.initialization import (
            initialize_decoder,
            initialize_head,
        )
        from segmentation_models_pytorch.encoders import get_encoder

        super().__init__()
        more = {key: value for key, value in asked.items() if key != "encoder_weights"}
        self.encoder = get_encoder(name, weights=asked["encoder_weights"], **more)
        self.decoder = _decoder(network, self.encoder.out_channels, channels)
        width, kernel, stride = _head(network, channels)
        self.segmentation_head = SegmentationHead(width, 1, kernel, upsampling=stride)
        initialize_decoder(self.decoder)
        initialize_head(self.segmentation_head)


def _decoder(network: Network, given: Sequence[int], channels: Sequence[int]) -> nn.Module:
    from segmentation_models_pytorch.decoders.deeplabv3 import decoder as deeplab
    from segmentation_models_pytorch.decoders.linknet.decoder import LinknetDecoder
    from segmentation_models_pytorch.decoders.pan.decoder import PANDecoder
    from segmentation_models_pytorch.decoders.unetplusplus.decoder import UnetPlusPlusDecoder

    match network.decoder:
        case "unet++":
            return UnetPlusPlusDecoder(given, channels)
        case "linknet":
            return LinknetDecoder(list(given))
        case "pan":
            return PANDecoder(given, 5, channels[0])
        case "deeplabv3":
            return deeplab.DeepLabV3Decoder(given[-1], channels[0], _RATES, False, 0.5)
        case "deeplabv3+":
            made = deeplab.DeepLabV3PlusDecoder(given, 5, channels[0], _RATES, 16, True, 0.5)
            made.up = nn.UpsamplingBilinear2d(scale_factor=8)  # from stride 32 to stride 4
            return made
        case "fpn-aspp-unet":
            return FpnAsppUnetDecoder(given, channels)
        case "daformer-conv3x3":
            return PlainDaformerDecoder(given, channels[0])
        case _:
            return DaformerDecoder(given, channels[0])


def _head(network: Network, channels: Sequence[int]) -> tuple[int, int, int]:
    """Channels, kernel and stride of what the head takes."""
    match network.decoder:
        case "unet++" | "fpn-aspp-unet":
            return channels[-1], 3, 1
        case "linknet":
            return 32, 1, 1
        case "pan":
            return channels[0], 3, 4
        case "deeplabv3":
            return channels[0], 1, 32
        case _:
            return channels[0], 1, 4
