"""Settings to a body: an encoder, a decoder and the head of the mask."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from trainer.errors import SettingsError
from trainer.model.encoders import freed, smp_name
from trainer.model.heads import Seen, stages
from trainer.model.norms import grouped
from trainer.model.parts import joined
from trainer.settings import Network

_UNET = (128, 64, 32, 16, 16)

_CHANNELS: dict[str, tuple[int, ...]] = {
    "unet": _UNET,
    "unet++": _UNET,
    "manet": _UNET,
    "fpn-aspp-unet": _UNET,
    "fpn": (128, 64),
    "deeplabv3": (256,),
    "deeplabv3+": (256,),
    "upernet": (256,),
    "segformer": (256,),
    "pan": (32,),
    "pspnet": (512,),
    "daformer": (256,),
    "daformer-conv3x3": (256,),
    "linknet": (),
}
"""Of each decoder's stages where the settings leave them out."""

_GROUPS = 32  # of the FPN's group normalisation

_TRIED = (256, 320)
"""(h, w) of the image that tells whether encoder and decoder go together."""

_UNMADE = (ValueError, TypeError, KeyError)
"""What timm and smp raise for an encoder that a decoder, or an option, is not for."""

ONE_VALUE = "more than 1 value per channel"
"""What torch says of such a batch."""

_MISFITS = (*_UNMADE, RuntimeError, AssertionError, IndexError)
"""What they and torch raise where the parts or the image do not fit."""


class Body(nn.Module):
    """Normalised images to logits of their own size, by the parts of an smp model.

    Parameters
    ----------
    model
        Has ``encoder``, ``decoder`` and ``segmentation_head``.
    network
        The settings it was made from.
    """

    def __init__(self, model: nn.Module, network: Network) -> None:
        super().__init__()
        self.encoder = model.get_submodule("encoder")
        self.decoder = model.get_submodule("decoder")
        self.segmentation_head = model.get_submodule("segmentation_head")
        self._dropout = nn.Dropout2d(network.dropout)
        self._network = network

    def forward(self, image: Tensor, offset: Tensor | None = None) -> Tensor:
        """Logits (B, 1, H, W) of (B, 3, H, W).

        Parameters
        ----------
        image
            H and W are multiples of 32.
        offset
            (B, C), added to the encoder's last features.
        """
        return self._finish(self._encode(image, offset))[1]

    def watched(self, image: Tensor, offset: Tensor | None = None) -> tuple[Tensor, Seen]:
        """The logits, and what was seen on the way."""
        given: dict[int, Tensor] = {}
        parts = stages(self._network, self.decoder)
        hooks = [part.register_forward_hook(_keeper(given, at)) for at, part in enumerate(parts)]
        try:
            features = self._encode(image, offset)
            deepest = features[-1]
            last, logits = self._finish(features)
        finally:
            for hook in hooks:
                hook.remove()
        return logits, Seen(deepest, last, [given[at] for at in sorted(given)])

    def _encode(self, image: Tensor, offset: Tensor | None) -> list[Tensor]:
        features = list(self.encoder(image))
        if offset is not None:
            features[-1] = features[-1] + offset[:, :, None, None]
        return features

    def _finish(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        last = self._dropout(self.decoder(features))
        return last, self.segmentation_head(last)


def _keeper(given: dict[int, Tensor], at: int) -> Callable[[nn.Module, object, Tensor], None]:
    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        given[at] = output

    return keep


def assemble(network: Network, weights: str | None) -> Body:
    """A body with a fresh decoder.

    Parameters
    ----------
    network
        The settings.
    weights
        ``imagenet`` to fetch them for the encoder; None for none.

    Raises
    ------
    SettingsError
        If there is no such encoder, or the decoder or its channels do not fit it.
    """
    channels = channels_of(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # smp on `tu-` and the name of the weights
        try:
            model = joined(network, channels, weights)
        except _UNMADE as error:
            raise _misfit(network, error) from error
    body = Body(model, network)
    freed(body.encoder)
    if network.norm == "group":
        grouped(body.decoder)
    return body


def channels_of(network: Network) -> tuple[int, ...]:
    """The decoder's channels: those told, else its own.

    Raises
    ------
    SettingsError
        If those told do not fit.
    """
    usual = _CHANNELS[network.decoder]
    told = network.decoder_channels or usual
    if network.decoder == "fpn" and (len(told) < len(usual) or told[1] % _GROUPS):
        raise SettingsError(
            "`decoder_channels` of an fpn begin with two, pyramid and segmentation,"
            f" the second a multiple of {_GROUPS}"
        )
    if len(usual) == len(_UNET) != len(told):
        wanted = f"`decoder_channels` of a {network.decoder} are {len(_UNET)}"
        raise SettingsError(f"{wanted}, not {len(told)}")
    return told[: len(usual)]


def try_out(network: Network) -> tuple[Body, Seen]:
    """The body without memory or weights (on torch's meta device), and what it saw of an image.

    Raises
    ------
    SettingsError
        If encoder and decoder do not go together, or take images of one size only.
    """
    smp_name(network.encoder)
    channels_of(network)
    try:
        with torch.device("meta"), _Weightless():
            body = assemble(network, weights=None).eval()
        with torch.inference_mode():
            logits, seen = body.watched(torch.empty(1, 3, *_TRIED, device="meta"))
        assert logits.shape[2:] == _TRIED, f"logits of {tuple(logits.shape[2:])}"
    except _MISFITS as error:
        raise _misfit(network, error) from error
    return body, seen


def learns_from_one(network: Network, side: int) -> bool:
    """Whether a step may have one image, of so many pixels a side.

    Batch norm has no deviation of a channel's only value, such as the mean of the image that a
    pyramid's or an ASPP's topmost branch takes.

    Raises
    ------
    SettingsError
        As `try_out`.
    """
    body, _ = try_out(network)
    try:
        with torch.inference_mode():
            body.train()(torch.empty(1, 3, side, side, device="meta"))
    except ValueError as error:
        return ONE_VALUE not in str(error)
    return True


def _misfit(network: Network, error: Exception) -> SettingsError:
    told = str(error).strip().partition("\n")[0] or type(error).__name__
    return SettingsError(
        f"the encoder `{network.encoder}` does not go with the decoder `{network.decoder}` and"
        f" images of any size ({told})",
        remedy="`hubmap-trainer models` lists what does",
    )


_STARTS = frozenset(
    {"uniform_", "normal_", "trunc_normal_", "erfinv_", "mul_", "add_", "clamp_"}
    | {"fill_", "zero_", "copy_"}
)
"""What gives tensors their first values, in place."""


class _Weightless(TorchFunctionMode):
    """While modules are made without memory: no time for values that there are not.

    Numbers that they are made with, such as the rates of each block's drop path, are real ones.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Any = None,
    ) -> Any:
        told = dict(kwargs or {})
        if func is torch.linspace:
            told["device"] = "cpu"
        if getattr(func, "__name__", "") in _STARTS and args and args[0].is_meta:
            return args[0]
        return func(*args, **told)
