"""Decoders that smp does not have. They take smp's features: strides 1, 2, 4, 8, 16, 32."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_STRIDED = 2
"""Features finer than stride 4 are not taken: a transformer has none."""


def convolved(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """Convolution, batch norm and ReLU; the size stays."""
    around = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=around, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def separable(inputs: int, outputs: int, dilation: int) -> nn.Sequential:
    """A depthwise 3×3 convolution, then a 1×1, each with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(
            inputs, inputs, 3, padding=dilation, dilation=dilation, groups=inputs, bias=False
        ),
        nn.BatchNorm2d(inputs),
        nn.ReLU(inplace=True),
        *convolved(inputs, outputs, 1),
    )


class SeparableAspp(nn.Module):
    """A 1×1 and dilated separable 3×3 convolutions side by side, then a 3×3 over all of them."""

    def __init__(self, inputs: int, outputs: int, dilations: Sequence[int] = (6, 12, 18)) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                convolved(inputs, outputs, 1),
                *(separable(inputs, outputs, dilation) for dilation in dilations),
            ]
        )
        self.bottleneck = convolved((1 + len(dilations)) * outputs, outputs, 3)

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return self.bottleneck(torch.cat([branch(features) for branch in self.branches], dim=1))


class DaformerDecoder(nn.Module):
    """Every stage embedded, brought to stride 4 and fused with context by a separable ASPP.

    Hoyer, L. et al., "DAFormer: Improving Network Architectures and Training Strategies for
    Domain-Adaptive Semantic Segmentation", CVPR 2022: dilations 1, 6, 12 and 18, no pooling.

    Parameters
    ----------
    channels
        Of smp's features.
    width
        Of the embeddings and of what comes out; 256 in the paper.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        deepest_first = channels[_STRIDED:][::-1]
        self.embeddings = nn.ModuleList(nn.Conv2d(count, width, 1) for count in deepest_first)
        self.fusion = SeparableAspp(len(deepest_first) * width, width)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(B, width, H / 4, W / 4)."""
        return self.fusion(torch.cat(self._embedded(features), dim=1))

    def _embedded(self, features: Sequence[Tensor]) -> list[Tensor]:
        size = features[_STRIDED].shape[-2:]
        return [
            F.interpolate(embed(one), size=size, mode="bilinear", align_corners=False)
            for embed, one in zip(self.embeddings, features[_STRIDED:][::-1], strict=True)
        ]


class PlainDaformerDecoder(DaformerDecoder):
    """DAFormer's head as the HuBMAP notebooks of 2022 have it: fused by a 3×3 convolution.

    hengck23's public baseline, which the 4th place took up: embeddings with norm and ReLU, and
    sizes changed by a learned blend of bilinear and nearest.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__(channels, width)
        deepest_first = channels[_STRIDED:][::-1]
        self.embeddings = nn.ModuleList(convolved(count, width, 1) for count in deepest_first)
        self.fusion = convolved(len(deepest_first) * width, width, 3)
        self.blend = nn.Parameter(torch.full((len(deepest_first),), 0.5))

    def _embedded(self, features: Sequence[Tensor]) -> list[Tensor]:
        size = features[_STRIDED].shape[-2:]
        found = []
        for index, one in enumerate(features[_STRIDED:][::-1]):
            embedded = self.embeddings[index](one)
            smooth = F.interpolate(embedded, size=size, mode="bilinear", align_corners=False)
            near = F.interpolate(embedded, size=size, mode="nearest")
            found.append(torch.lerp(near, smooth, self.blend[index]))
        return found


class Aspp(nn.Module):
    """Dilated convolutions side by side with the mean of the whole image.

    Chen, L.-C. et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017,
    with its rates for stride 16 halved for stride 32.
    """

    def __init__(self, inputs: int, outputs: int, dilations: Sequence[int] = (3, 6, 9)) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                convolved(inputs, outputs, 1),
                *(convolved(inputs, outputs, 3, dilation) for dilation in dilations),
            ]
        )
        # no norm: of a batch of one image a channel has one value here
        self.mean = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(inputs, outputs, 1), nn.ReLU(inplace=True)
        )
        self.bottleneck = convolved((2 + len(dilations)) * outputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        found = [branch(features) for branch in self.branches]
        found.append(self.mean(features).expand_as(found[0]))
        return self.bottleneck(torch.cat(found, dim=1))


class FpnAsppUnetDecoder(nn.Module):
    """A U-Net whose skips come from a feature pyramid, with an ASPP at the bottom.

    The pyramid is that of Lin, T.-Y. et al., "Feature Pyramid Networks for Object Detection",
    CVPR 2017: a 1×1 convolution a stage, added from the top down, smoothed by a 3×3.

    Parameters
    ----------
    channels
        Of smp's features; a stage may have none.
    widths
        Of the U-Net's five stages, deepest first; the pyramid has the first one's.
    """

    def __init__(self, channels: Sequence[int], widths: Sequence[int]) -> None:
        from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder

        super().__init__()
        pyramid = widths[0]
        *skips, deepest = [count for count in channels[1:] if count]
        self.aspp = Aspp(deepest, pyramid)
        self.lateral = nn.ModuleList(nn.Conv2d(count, pyramid, 1) for count in skips)
        self.smooth = nn.ModuleList(convolved(pyramid, pyramid, 3) for _ in skips)
        flattened = [channels[0], *(pyramid if count else 0 for count in channels[1:])]
        self.unet = UnetDecoder(encoder_channels=flattened, decoder_channels=widths)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(B, widths[-1], H, W)."""
        empty = [one for one in features[1:] if not one.shape[1]]
        *skips, deepest = [one for one in features[1:] if one.shape[1]]
        level = self.aspp(deepest)
        pyramid = [level]
        for lateral, smooth, skip in list(zip(self.lateral, self.smooth, skips, strict=True))[::-1]:
            level = lateral(skip) + F.interpolate(level, size=skip.shape[-2:], mode="nearest")
            pyramid.insert(0, smooth(level))
        return self.unet([features[0], *empty, *pyramid])
