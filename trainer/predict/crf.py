"""Dense CRF: a probability refined by its image, each pixel heard by every other.

Mean field in a fully connected model [1]_ of two labels, with a Gaussian of place and one of
place and colour, each normalised symmetrically as the authors' own code does it. The first is
a separable convolution; the second is filtered on the permutohedral lattice [2]_, by sorting
instead of a hash table so that it runs on any device.

References
----------
.. [1] Krähenbühl and Koltun, Efficient inference in fully connected CRFs with Gaussian edge
   potentials, NIPS 2011.
.. [2] Adams, Baek and Davis, Fast high-dimensional filtering using the permutohedral lattice,
   Computer Graphics Forum 29(2), 2010.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.case import Image
from trainer.errors import Cancelled, MaskError, SettingsError
from trainer.predict.fusion import Levels, as_levels
from trainer.settings.postprocess import DenseCrf

_SURE = 1 / 510
"""Nothing is surer than half a step of the probabilities that are kept: 0 would be final."""

_REACH = 4.0
"""Standard deviations at which the Gaussian of place ends."""


def refine_levels(
    levels: Levels,
    image: Image,
    settings: DenseCrf,
    device: torch.device | str = "cpu",
    cancelled: Callable[[], bool] = lambda: False,
) -> Levels:
    """What members agree on, (h, w), refined by the image of any size, as predictions keep it.

    Raises
    ------
    Cancelled, SettingsError
        As `refine` raises them.
    """
    height, width = levels.shape
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    unit = np.divide(levels, 255, dtype=np.float32)
    return as_levels(refine(unit, np.asarray(small, np.uint8), settings, device, cancelled))


def refine(
    probability: NDArray[np.float32],
    image: NDArray[np.uint8],
    settings: DenseCrf,
    device: torch.device | str = "cpu",
    cancelled: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """The probability that its mean field settles at.

    Parameters
    ----------
    probability
        (h, w), 0 to 1, at the network's resolution.
    image
        (h, w, 3), RGB, of the same size.
    settings
        Weights, widths in pixels of that size and in steps of colour, iterations.
    device
        Where it is worked out.
    cancelled
        Asked before each iteration.

    Returns
    -------
    float32 (h, w), 0 to 1.

    Raises
    ------
    Cancelled
        Once `cancelled` says so.
    MaskError
        If the sizes differ.
    SettingsError
        If the widths are too small for the image.
    """
    if image.shape != (*probability.shape, 3):
        raise MaskError(
            f"a probability of {probability.shape} cannot be refined by an image of {image.shape}"
        )
    sure = torch.from_numpy(np.ascontiguousarray(probability, np.float32)).to(device)
    evidence = torch.logit(sure, _SURE)
    filters = _filters(torch.from_numpy(np.ascontiguousarray(image)).to(device), settings)
    field = torch.sigmoid(evidence)
    for _ in range(settings.iterations):
        if cancelled():
            raise Cancelled
        # of two labels the one's message is the other's, negative
        lean = 2 * field - 1
        field = torch.sigmoid(evidence + sum(weight * heard(lean) for weight, heard in filters))
    return field.cpu().numpy()


_Filter = Callable[[Tensor], Tensor]


def _filters(image: Tensor, settings: DenseCrf) -> list[tuple[float, _Filter]]:
    """Weights and normalised filters of those that have a weight."""
    height, width = image.shape[:2]
    found: list[tuple[float, _Filter]] = []
    if settings.smooth_weight:
        kernel = _gaussian(settings.smooth_sigma, max(height, width), image.device)
        heard = _normalised(lambda field: _blurred(field, kernel), image)
        found.append((settings.smooth_weight, heard))
    if settings.colour_weight:
        rows = torch.arange(height, device=image.device) / settings.place_sigma
        columns = torch.arange(width, device=image.device) / settings.place_sigma
        places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
        features = torch.cat((places, image.float() / settings.colour_sigma), dim=-1)
        lattice = Lattice.of(features.reshape(height * width, -1))
        heard = _normalised(
            lambda field: lattice.filtered(field.flatten()).reshape(field.shape), image
        )
        found.append((settings.colour_weight, heard))
    return found


def _normalised(heard: _Filter, image: Tensor) -> _Filter:
    """A filter between roots of the weight that each pixel hears: symmetric as before."""
    ones = torch.ones(image.shape[:2], device=image.device)
    scale = heard(ones).clamp_min(1e-20).rsqrt()
    return lambda field: scale * heard(scale * field)


def _gaussian(sigma: float, longest: int, device: torch.device) -> Tensor:
    reach = min(math.ceil(_REACH * sigma), longest)
    away = torch.arange(-reach, reach + 1, device=device)
    return torch.exp(-0.5 * (away / sigma) ** 2)


def _blurred(field: Tensor, kernel: Tensor) -> Tensor:
    reach = len(kernel) // 2
    along = F.conv2d(field[None, None], kernel.view(1, 1, 1, -1), padding=(0, reach))
    return F.conv2d(along, kernel.view(1, 1, -1, 1), padding=(reach, 0))[0, 0]


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """A Gaussian filter between points in a space of d dimensions, of unit width.

    Attributes
    ----------
    vertices
        The d + 1 lattice points around each point, numbers up to `count`, (n, d + 1).
    shares
        Of each of them in the point, float32 (n, d + 1).
    neighbours
        Of each lattice point in both directions of the d + 1 axes, `count` for none,
        (d + 1, 2, count).
    count
        Of lattice points.
    """

    vertices: Tensor
    shares: Tensor
    neighbours: Tensor
    count: int

    @classmethod
    def of(cls, features: Tensor) -> Lattice:
        """Between the points of `features`, float32 (n, d).

        Raises
        ------
        SettingsError
            If they spread over more of the lattice than can be numbered.
        """
        size = features.shape[1]
        corner, rank, shares = _simplex(_elevated(features))
        keys = _vertices(corner, rank)
        lowest = keys.amin(dim=(0, 1)) - size - 1
        spans = (keys.amax(dim=(0, 1)) - lowest + size + 2).tolist()
        if math.prod(spans) >= 2**62:
            raise SettingsError(
                "the CRF's widths are too small for the image",
                remedy="choose a greater `colour_sigma` or `place_sigma`",
            )
        strides = [math.prod(spans[axis + 1 :]) for axis in range(size)]
        radix = torch.tensor(strides, device=features.device)
        numbers, vertices = torch.unique(((keys - lowest) * radix).sum(dim=-1), return_inverse=True)
        neighbours = []
        for axis in range(size + 1):
            # one step along an axis of the lattice: d in its coordinate, -1 in all others
            step = torch.full((size,), -1, device=features.device)
            if axis < size:
                step[axis] = size
            offset = (step * radix).sum()
            neighbours.append(
                torch.stack([_found(numbers, numbers + sign * offset) for sign in (1, -1)])
            )
        return cls(vertices, shares, torch.stack(neighbours), len(numbers))

    def filtered(self, values: Tensor) -> Tensor:
        """Each point's sum over all points' values, float32 (n,), but for a constant factor."""
        spread = torch.zeros(self.count + 1, device=values.device)
        spread.index_add_(0, self.vertices.flatten(), (self.shares * values[:, None]).flatten())
        for forward, back in self.neighbours:
            blurred = spread[: self.count] + 0.5 * (spread[forward] + spread[back])
            spread = F.pad(blurred, (0, 1))
        return (spread[self.vertices] * self.shares).sum(dim=1)


def _elevated(features: Tensor) -> Tensor:
    """Points in the plane of d + 1 coordinates that add up to nothing, (n, d + 1)."""
    size = features.shape[1]
    place = torch.arange(1, size + 1, device=features.device)
    # blurring spreads by this much by itself: the filter then has unit width
    width = math.sqrt(2 / 3) * (size + 1)
    scaled = features * (width / torch.sqrt((place * (place + 1)).float()))
    # the sum of all coordinates behind one's own
    behind = scaled.flip(1).cumsum(1).flip(1)
    first = behind[:, :1]
    rest = F.pad(behind[:, 1:], (0, 1)) - place * scaled
    return torch.cat((first, rest), dim=1)


def _simplex(elevated: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The simplex around each point: a corner, the order of coordinates, shares of vertices."""
    side = elevated.shape[1]
    rounded = torch.round(elevated / side)
    excess = rounded.sum(dim=1, keepdim=True).long()
    corner = (rounded * side).long()
    rest = elevated - corner
    order = torch.argsort(rest, dim=1, descending=True, stable=True)
    rank = torch.empty_like(order)
    rank.scatter_(1, order, torch.arange(side, device=order.device).expand_as(order))
    rank += excess
    wrap = (rank < 0).long() - (rank >= side).long()
    rank, corner = rank + side * wrap, corner + side * wrap
    share = (elevated - corner) / side
    shares = torch.zeros((len(elevated), side + 1), device=elevated.device)
    shares.scatter_add_(1, side - 1 - rank, share)
    shares.scatter_add_(1, side - rank, -share)
    shares[:, 0] += 1 + shares[:, side]
    return corner, rank, shares[:, :side].contiguous()


def _vertices(corner: Tensor, rank: Tensor) -> Tensor:
    """The first d coordinates of each vertex, int64 (n, d + 1, d)."""
    side = corner.shape[1]
    remainder = torch.arange(side, device=corner.device)[:, None]
    turned = rank[:, None, :-1] > side - 1 - remainder
    return corner[:, None, :-1] + remainder - side * turned.long()


def _found(numbers: Tensor, wanted: Tensor) -> Tensor:
    """Places of wanted numbers among ascending ones; their count for those that are not there."""
    places = torch.searchsorted(numbers, wanted).clamp_max(len(numbers) - 1)
    return torch.where(numbers[places] == wanted, places, len(numbers))
