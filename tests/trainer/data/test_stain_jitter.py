"""Stains are stretched, moved and turned, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.data import stain, stain_jitter

HE = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]], np.float32)


def section() -> np.ndarray:
    """Random amounts of both stains and some of what is neither."""
    rng = np.random.default_rng(0)
    matrix = (HE / np.linalg.norm(HE, axis=1, keepdims=True)).astype(np.float32)
    image = stain.compose(rng.uniform(0.1, 1.2, (48, 64, 2)), matrix)
    return np.clip(image + rng.integers(-5, 6, image.shape), 0, 255).astype(np.uint8)


def test_hed_jitter_is_done_in_scikit_image_s_space() -> None:
    color = pytest.importorskip("skimage.color")
    image = section()
    stretch, move = np.array([1.2, 0.9, 1.05]), np.array([0.01, -0.005, 0.02])
    theirs = color.hed2rgb(color.rgb2hed(image) * stretch + move) * 255
    ours = stain_jitter.hed(image, stretch, move)
    assert np.abs(ours - theirs).max() <= 1
    assert np.abs(ours.astype(int) - image).mean() > 3


def test_jitter_of_nothing_leaves_the_image_as_it_is() -> None:
    image = section()
    again = stain_jitter.own(image, HE, HE, np.ones(2))
    assert np.abs(again.astype(int) - image).max() <= 1


def test_an_image_s_own_stains_take_the_colour_and_the_strength_they_are_given() -> None:
    unit = (HE / np.linalg.norm(HE, axis=1, keepdims=True)).astype(np.float32)
    other = np.array([[0.65, 0.70, 0.29], [0.27, 0.91, 0.31]], np.float32)
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    amounts = np.random.default_rng(0).uniform(0.1, 1, (40, 50, 2))

    def lit(matrix: np.ndarray, stretch: np.ndarray) -> np.ndarray:
        return np.rint(255 * np.exp(-(amounts * stretch) @ matrix)).astype(np.uint8)

    stretch = np.array([1.3, 0.8])
    turned = stain_jitter.own(lit(unit, np.ones(2)), unit, other.astype(np.float32), stretch)
    assert np.abs(turned.astype(int) - lit(other, stretch)).mean() < 1.5
