"""The dense CRF beside the exact mean field, pixel by pixel, and a published implementation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from trainer.errors import MaskError, SettingsError
from trainer.metrics import dice
from trainer.predict.crf import refine
from trainer.settings import DenseCrf


def scene(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, a noisy probability that is off at the outline, and the image that knows better."""
    chance = np.random.default_rng(seed)
    truth = np.zeros((height, width), np.uint8)
    cv2.circle(truth, (width // 2, height // 2), min(height, width) // 3, 1, -1)
    image = np.where(truth[..., None] > 0, (110, 60, 150), (225, 180, 200))
    image = np.clip(image + chance.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    moved = np.roll(truth, (2, 3), (0, 1)).astype(np.float32)
    soft = cv2.GaussianBlur(moved, (0, 0), 3) * 0.8 + 0.1
    noisy = soft + chance.normal(0, 0.08, truth.shape)
    return truth, np.clip(noisy, 0, 1).astype(np.float32), image


def settings(**told: float) -> DenseCrf:
    return DenseCrf.model_validate({"place_sigma": 12.0, "colour_sigma": 20.0} | told)


def exactly(probability: np.ndarray, image: np.ndarray, by: DenseCrf) -> np.ndarray:
    """Equation 3 of Krähenbühl and Koltun with every pair of pixels, in float64."""
    height, width = probability.shape
    places = np.stack(np.mgrid[:height, :width], -1).reshape(-1, 2).astype(float)
    colours = image.reshape(-1, 3).astype(float)

    def kernel(*features: np.ndarray) -> np.ndarray:
        every = np.concatenate(features, axis=1)
        squared = ((every[:, None] - every[None]) ** 2).sum(-1)
        found = np.exp(-0.5 * squared)
        scale = 1 / np.sqrt(found.sum(1))
        return found * scale[:, None] * scale

    pairs = by.smooth_weight * kernel(places / by.smooth_sigma)
    pairs += by.colour_weight * kernel(places / by.place_sigma, colours / by.colour_sigma)
    one = np.clip(probability.reshape(-1).astype(float), 1 / 510, 1 - 1 / 510)
    unary = -np.log(np.stack((1 - one, one)))
    field = np.exp(-unary)
    for _ in range(by.iterations):
        energy = unary - field @ pairs
        field = np.exp(-energy + energy.min(0))
        field /= field.sum(0)
    return field[1].reshape(height, width)


WEAK = {"smooth_weight": 0.4, "colour_weight": 0.6}
"""Weights at which no pixel is yet so sure that an error would not show."""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("told", "within"),
    [
        (WEAK, 0.0015),
        ({"smooth_weight": 0.8, "colour_weight": 0}, 1e-5),
        ({"smooth_weight": 0, "colour_weight": 1}, 0.003),
        ({"iterations": 1}, 0.003),
        ({}, 1e-4),
    ],
)
def test_it_is_near_the_exact_mean_field(seed: int, told: dict, within: float) -> None:
    _, probability, image = scene(27, 34, seed)
    by = settings(**told)
    wanted = exactly(probability, image, by)
    assert np.abs(refine(probability, image, by) - wanted).mean() < within
    assert np.abs(probability - wanted).mean() > 10 * within


@pytest.mark.parametrize(
    ("name", "told", "within"),
    [("colour", {"smooth_weight": 0, "colour_weight": 1}, 2e-6), ("both", WEAK, 0.003)],
)
def test_it_is_what_the_published_implementation_finds(
    name: str, told: dict, within: float
) -> None:
    """`crf_published.npz` is of pydensecrf2 1.1, which wraps Krähenbühl's own code.

    ``DenseCRF2D`` with the unary energy of the probability within 1/510 of 0 and 1,
    ``addPairwiseGaussian(sxy=3, compat=smooth_weight)``, ``addPairwiseBilateral(sxy=12,
    srgb=20, compat=colour_weight)`` and ``inference(5)``. Its Gaussian of place is a lattice's
    estimate too, ours is exact: so "both" are further apart.
    """
    with np.load(Path(__file__).with_name("crf_published.npz")) as kept:
        found = refine(kept["probability"], kept["image"], settings(**told))
        assert np.abs(found - kept[name]).max() < within


def test_the_outline_goes_where_the_image_has_it() -> None:
    truth, probability, image = scene(120, 160)
    before, after = probability >= 0.5, refine(probability, image, settings()) >= 0.5
    assert dice(before, truth) < 0.97
    assert dice(after, truth) > 0.995


def test_without_weights_it_stays_as_it_is() -> None:
    _, probability, image = scene(20, 30)
    found = refine(probability, image, settings(smooth_weight=0, colour_weight=0))
    assert found.dtype == np.float32
    assert np.abs(found - probability.clip(1 / 510, 1 - 1 / 510)).max() < 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 5)])
def test_images_of_odd_sizes(shape: tuple[int, int]) -> None:
    probability, image = np.full(shape, 0.7, np.float32), np.zeros((*shape, 3), np.uint8)
    found = refine(probability, image, settings())
    assert found.shape == shape
    assert (found > 0.7).all()


def test_sizes_that_differ_and_widths_that_are_too_small_are_refused() -> None:
    _, probability, image = scene(20, 30)
    with pytest.raises(MaskError, match=r"\(20, 30\) cannot be refined by an image of \(19, 30, 3"):
        refine(probability, image[1:], settings())
    with pytest.raises(SettingsError, match="too small for the image; choose a greater"):
        refine(probability, image, settings(colour_sigma=1e-3, place_sigma=1e-3))
