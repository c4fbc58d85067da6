"""Random changes of a training image and its mask together."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from trainer.settings import Augmentation


class Augment:
    """Draws a random crop, warped and recoloured.

    Only the window that the warped crop needs is cut out and worked on; beyond an image's
    edge the window goes on mirrored. Chance is torch's, so that workers' seeds are torch's too.

    Parameters
    ----------
    crop
        Side of the square crop, in pixels.
    """

    def __init__(self, strength: Augmentation, crop: int) -> None:
        self._strength = strength
        self._crop = crop
        self._mirror = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()])
        self._colour = v2.ColorJitter(
            strength.brightness, strength.contrast, strength.saturation, strength.hue
        )

    def __call__(
        self, image: NDArray[np.uint8], coverage: NDArray[np.uint8]
    ) -> tuple[Tensor, Tensor]:
        """RGB (h, w, 3) and coverage (h, w) to uint8 (3, crop, crop) and (1, crop, crop)."""
        angle = _between(-self._strength.rotate, self._strength.rotate)
        zoom = math.exp(_between(-1, 1) * math.log1p(self._strength.scale))
        turned = math.radians(angle)
        needed = self._crop * (abs(math.cos(turned)) + abs(math.sin(turned))) / zoom
        window = self._window(image, coverage, math.ceil(needed))
        pixels, inside = self._warp(window, angle, zoom)
        if self._strength.flips:
            pixels, inside = self._mirror(pixels, inside)
            if torch.rand(()) < 0.5:
                pixels = tv_tensors.Image(pixels.transpose(-1, -2))
                inside = tv_tensors.Mask(inside.transpose(-1, -2))
        pixels = self._colour(pixels)
        return pixels.as_subclass(Tensor).contiguous(), inside.as_subclass(Tensor).contiguous()

    def _window(
        self, image: NDArray[np.uint8], coverage: NDArray[np.uint8], side: int
    ) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
        """A square of `side` whose middle part of crop size lies within the image if it can."""
        height, width = coverage.shape
        top, left = (self._corner(length, side) for length in (height, width))
        rows = slice(max(0, top), max(0, top) + side + min(0, top))
        columns = slice(max(0, left), max(0, left) + side + min(0, left))
        cut = [np.ascontiguousarray(part[rows, columns]) for part in (image, coverage)]
        before = (max(0, -top), max(0, -left))
        after = (side - before[0] - cut[1].shape[0], side - before[1] - cut[1].shape[1])
        if any(before + after):
            borders = (before[0], after[0], before[1], after[1])
            cut = [cv2.copyMakeBorder(part, *borders, cv2.BORDER_REFLECT_101) for part in cut]
        return (
            tv_tensors.Image(torch.from_numpy(cut[0]).permute(2, 0, 1)),
            tv_tensors.Mask(torch.from_numpy(cut[1])[None]),
        )

    def _corner(self, length: int, side: int) -> int:
        """Where a window begins along an axis of an image `length` pixels long."""
        margin = (side - self._crop) // 2
        free = length - self._crop
        if free <= 0:
            return (length - side) // 2
        return int(torch.randint(free + 1, ())) - margin

    def _warp(
        self, window: tuple[tv_tensors.Image, tv_tensors.Mask], angle: float, zoom: float
    ) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
        if angle == 0 and zoom == 1:
            return window
        return tv_tensors.Image(self._turn(window[0], angle, zoom)), tv_tensors.Mask(
            self._turn(window[1], angle, zoom)
        )

    def _turn(self, part: Tensor, angle: float, zoom: float) -> Tensor:
        how = v2.InterpolationMode.BILINEAR
        turned = F.affine(part, angle, [0, 0], zoom, [0.0, 0.0], interpolation=how)
        return F.center_crop(turned, [self._crop, self._crop])


def _between(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
