"""What auxiliary outputs are taught."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from trainer.model import targets


def blank(side: int = 64) -> Tensor:
    return torch.zeros(1, 1, side, side)


def disc(radius: int, side: int = 64, centre: tuple[int, int] = (32, 32)) -> Tensor:
    rows, columns = np.mgrid[:side, :side]
    inside = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2
    return torch.from_numpy(inside.astype(np.float32))[None, None]


def test_a_boundary_is_within_its_radius_of_the_outline():
    mask = blank()
    mask[..., 20:40, 20:40] = 1
    found = targets.boundary(mask, radius=2)[0, 0]
    assert found[30].nonzero().flatten().tolist() == [18, 19, 20, 21, 38, 39, 40, 41]
    assert found[22:38, 22:38].sum() == 0
    assert found.dtype == torch.float32


def test_the_image_s_edge_is_no_boundary():
    mask = blank()
    mask[..., :32] = 1
    columns = targets.boundary(mask, radius=1)[0, 0].sum(dim=0).nonzero().flatten().tolist()
    assert columns == [31, 32]
    assert targets.boundary(torch.ones(1, 1, 16, 16)).sum() == 0


def test_distance_is_scipy_s_in_shares_of_its_reach():
    mask = disc(14)
    inside = ndimage.distance_transform_edt(mask[0, 0].numpy())
    outside = ndimage.distance_transform_edt(1 - mask[0, 0].numpy())
    wanted = np.where(inside > 0, inside - 0.5, 0.5 - outside).clip(-10, 10) / 10
    found = targets.distance(mask, reach=10)[0, 0].numpy()
    assert np.allclose(found, wanted, atol=1e-4)
    assert found.max() == 1 and found.min() == -1


@pytest.mark.parametrize(("fill", "wanted"), [(0.0, -1.0), (1.0, 1.0)])
def test_distance_where_nothing_or_all_belongs_to_units(fill: float, wanted: float):
    assert (targets.distance(torch.full((2, 1, 32, 48), fill)) == wanted).all()


def test_a_skeleton_is_1_and_the_outside_0_for_units_of_any_width():
    mask = blank()
    mask[..., 4:8, 4:60] = 1
    mask[..., 20:60, 4:60] = 1
    found = targets.skeleton_distance(mask)[0, 0]
    assert (found[mask[0, 0] == 0] == 0).all()
    assert found[4:8, 30].max() == found[20:60, 30].max() == 1
    assert found[20, 30] < 0.2


def test_a_skeleton_distance_is_the_paper_s_formula():
    """Half way between outline and skeleton of a wide bar: 0.5 to the power of 0.8."""
    mask = blank(81)
    mask[..., 20:61, :] = 1
    column = targets.skeleton_distance(mask)[0, 0, :, 40]
    b, s = 10.0, 11.0  # row 29: ten to the first row outside, eleven to the middle, row 40
    assert float(column[40]) == 1
    assert float(column[29]) == pytest.approx((b / (b + s)) ** 0.8, abs=1e-4)


def test_a_unit_s_skeleton_is_not_its_neighbour_s():
    """A thin unit beside a wide one changes nothing in the wide one."""
    alone = disc(20, side=96, centre=(48, 30))
    both = alone.clone()
    both[..., 52:54] = 1
    wide = alone[0, 0] > 0
    before = targets.skeleton_distance(alone)[0, 0][wide]
    assert torch.allclose(targets.skeleton_distance(both)[0, 0][wide], before)


def test_half_covered_pixels_belong_to_a_unit():
    mask = disc(10)
    assert torch.allclose(targets.distance(mask * 0.5), targets.distance(mask))
    assert torch.equal(targets.skeleton_distance(mask * 0.4), blank())


def test_pixel_size_is_in_tens_of_micrometres():
    assert targets.pixel_size(torch.tensor([0.4, 20.0])).tolist() == [
        [pytest.approx(0.04)],
        [pytest.approx(2.0)],
    ]
