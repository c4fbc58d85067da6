"""A section: units of its organ, in tissue, on a slide that obeys Beer and Lambert."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.demo.frame import FIELD, Frame
from trainer.demo.organs import ORGANS
from trainer.demo.section import SLIVER, draw_section
from trainer.demo.stain import draw_stain, light

SIZE = 400

# of the organ's units, from what the competition's units measure (median areas at 0.4 µm a pixel)
DIAMETERS = {
    "kidney": (90, 200),
    "prostate": (40, 220),
    "largeintestine": (45, 110),
    "spleen": (110, 380),
    "lung": (70, 380),
}


@pytest.fixture(scope="module", params=ORGANS)
def organ(request: pytest.FixtureRequest) -> str:
    return request.param


def test_units_are_as_large_as_the_organs_own(organ):
    areas = []
    for seed in range(3):
        section = draw_section(organ, "Hubmap", SIZE, seed)
        areas += list(np.bincount(section.units.ravel())[1:] * section.pixel_size**2)
    low, high = DIAMETERS[organ]
    assert len(areas) >= 3
    assert low < 2 * np.sqrt(np.median(areas) / np.pi) < high


def test_units_lie_in_the_core_and_none_is_a_sliver(organ):
    section = draw_section(organ, "HPA", SIZE, 4)
    ys, xs = np.nonzero(section.units)
    away = np.hypot(ys - SIZE / 2, xs - SIZE / 2) * section.pixel_size
    assert away.max() < 0.5 * FIELD
    assert np.bincount(section.units.ravel())[1:].min() * section.pixel_size**2 > 0.7 * SLIVER


def test_a_unit_looks_unlike_what_lies_around_it(organ):
    section = draw_section(organ, "Hubmap", SIZE, 6)
    inside = section.units > 0
    colours = [section.image[where].astype(float) for where in (inside, ~inside)]
    means, deviations = ([f(c, axis=0) for c in colours] for f in (np.mean, np.std))
    differs = np.abs(means[0] - means[1]).max() > 3
    assert differs or np.abs(deviations[0] - deviations[1]).max() > 3


def test_corners_of_a_core_are_bare_glass():
    image = draw_section("spleen", "HPA", SIZE, 1).image
    corner = np.median(image[:20, :20].reshape(-1, 3), axis=0)
    assert (corner > 230).all()


def test_the_same_arguments_draw_the_same_section(organ):
    first, again = (draw_section(organ, "HPA", 200, 9) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.units, again.units)


def test_another_seed_draws_another_section():
    first, other = (draw_section("kidney", "HPA", 200, seed) for seed in (1, 2))
    assert not np.array_equal(first.units, other.units)


def test_twice_the_dye_squares_the_transmission():
    frame = Frame(100, np.random.default_rng(0))
    stain = draw_stain(frame.rng, "HPA")
    none = np.zeros(frame.shape, np.float32)
    glass, one, two = (
        light(frame, none, none + amount, stain).mean((0, 1)) for amount in (0.0, 0.5, 1.0)
    )
    assert np.allclose(glass, stain.glass, atol=4)
    assert np.allclose((one / glass) ** 2, two / glass, atol=0.02)
