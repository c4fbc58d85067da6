"""Stains are found where they are known, and colours brought to a reference's."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest

from trainer.data import stain
from trainer.data.case import Image
from trainer.errors import ImageError

HE = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]], np.float32)
"""Haematoxylin and eosin of the reference that Macenko's code comes with."""

OTHER = np.array([[0.65, 0.70, 0.29], [0.27, 0.91, 0.31]], np.float32)
STAINED: tuple[stain.Method, ...] = ("macenko", "vahadane")
ALL: tuple[stain.Method, ...] = ("reinhard", *STAINED)
METHODS: tuple[stain.Method, ...] = (*ALL, "histogram")


def unit(matrix: np.ndarray) -> np.ndarray:
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


def dyed(matrix: np.ndarray, strength: float = 1.0, seed: int = 0, side: int = 160) -> Image:
    """Nuclei in a ground of eosin, with glass beside: mostly one stain at a time."""
    rng = np.random.default_rng(seed)
    amounts = np.zeros((side, side, 2), np.float32)
    amounts[:, : side * 3 // 4, 1] = rng.uniform(0.9, 1.5, (side, side * 3 // 4))
    for row, column in rng.integers(8, side * 3 // 4 - 8, (60, 2)):
        disc = np.zeros((side, side), np.uint8)
        cv2.circle(disc, (int(column), int(row)), 6, 1, -1)
        amounts[disc > 0] = (1.3, 0.0)
    noise = rng.uniform(0.9, 1.1, amounts.shape).astype(np.float32)
    return stain.compose(strength * amounts * noise, unit(matrix))


@pytest.mark.parametrize("method", STAINED)
@pytest.mark.parametrize("matrix", [HE, OTHER])
def test_the_stains_that_an_image_was_dyed_with_are_found(
    method: stain.Method, matrix: np.ndarray
) -> None:
    found = stain.fit(dyed(matrix), method)
    assert found is not None
    cosines = (found.matrix * unit(matrix)).sum(1)
    assert (cosines > 0.99).all(), cosines
    assert np.allclose(np.linalg.norm(found.matrix, axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("method", STAINED)
def test_strength_is_that_of_the_dye(method: stain.Method) -> None:
    pale, dark = (stain.fit(dyed(HE, strength), method) for strength in (0.6, 1.0))
    assert pale is not None and dark is not None
    assert np.allclose(dark.strength / pale.strength, 1 / 0.6, rtol=0.1)


@pytest.mark.parametrize("method", STAINED)
def test_an_image_is_the_sum_of_its_stains(method: stain.Method) -> None:
    image = dyed(HE)
    found = stain.fit(image, method)
    assert found is not None
    again = stain.compose(stain.concentrations(image, found.matrix, method), found.matrix)
    assert np.abs(again.astype(int) - image).mean() < 3


@pytest.mark.parametrize("method", METHODS)
def test_colours_become_the_reference_s(method: stain.Method) -> None:
    image, wanted = dyed(HE, 0.7, seed=1), dyed(OTHER, seed=2)
    before = image.copy()
    brought = stain.transfer(image, stain.Reference.of(wanted, method))
    assert brought.shape == image.shape and brought.dtype == np.uint8
    assert np.array_equal(image, before)

    def far(one: Image) -> float:
        return float(np.abs(one.mean((0, 1)) - wanted.mean((0, 1))).max())

    assert far(brought) < 0.4 * far(image)


@pytest.mark.parametrize("method", METHODS)
def test_a_reference_leaves_its_own_image_as_it_is(method: stain.Method) -> None:
    image = dyed(HE)
    brought = stain.transfer(image, stain.Reference.of(image, method))
    assert np.abs(brought.astype(int) - image).mean() < 3


@pytest.mark.parametrize("method", STAINED)
def test_glass_has_no_stains(method: stain.Method) -> None:
    glass = np.full((50, 60, 3), 235, np.uint8)
    assert stain.fit(glass, method) is None
    assert stain.transfer(glass, stain.Reference.of(dyed(HE), method)) is glass
    with pytest.raises(ImageError, match=r"too little tissue .*; choose another reference image"):
        stain.Reference.of(glass, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("colour", [0, 128, 255])
def test_one_colour_everywhere_is_no_error(method: stain.Method, colour: int) -> None:
    plain = np.full((40, 40, 3), colour, np.uint8)
    reference = stain.Reference.of(dyed(HE), method)
    assert stain.transfer(plain, reference).shape == plain.shape


def test_macenko_as_torchstain_has_it() -> None:
    torchstain = pytest.importorskip("torchstain")
    image, wanted = dyed(HE, 0.7, seed=1), dyed(OTHER, seed=2)
    theirs = torchstain.normalizers.MacenkoNormalizer(backend="numpy")
    theirs.fit(wanted)
    normal, _, _ = theirs.normalize(image, Io=240, alpha=1, beta=0.15)
    ours = stain.transfer(image, stain.Reference.of(wanted, "macenko"))
    assert np.abs(ours.astype(int) - np.asarray(normal, int)).mean() < 1.5


def test_reinhard_as_torchstain_has_it() -> None:
    torchstain = pytest.importorskip("torchstain")
    image, wanted = dyed(HE, 0.7, seed=1), dyed(OTHER, seed=2)
    theirs = torchstain.normalizers.ReinhardNormalizer(backend="numpy")
    theirs.fit(wanted)
    ours = stain.transfer(image, stain.Reference.of(wanted, "reinhard"))
    assert np.abs(ours.astype(int) - np.asarray(theirs.normalize(image), int)).mean() < 0.5


def test_vahadane_s_factors_are_those_of_sparse_nmf() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    image = dyed(HE)
    density = stain.optical_density(image).reshape(-1, 3)
    tissue = density[(density >= 0.15).all(1)]
    found = stain.fit(image, "vahadane")
    assert found is not None
    model = decomposition.DictionaryLearning(
        2, alpha=0.1, fit_algorithm="cd", positive_code=True, positive_dict=True,
        transform_algorithm="lasso_cd", max_iter=200, random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(tissue[::10])
    theirs = model.components_[np.argsort(-model.components_[:, 0])]
    assert ((found.matrix * unit(theirs)).sum(1) > 0.995).all()


def test_histograms_are_matched_as_scikit_image_matches_them() -> None:
    exposure = pytest.importorskip("skimage.exposure")
    image, wanted = dyed(HE, 0.7, seed=1), dyed(OTHER, seed=2, side=120)
    theirs = exposure.match_histograms(image, wanted, channel_axis=-1)
    ours = stain.transfer(image, stain.Reference.of(wanted, "histogram"))
    assert np.abs(ours.astype(float) - theirs).max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_a_part_is_brought_as_it_is_within_the_whole(method: stain.Method) -> None:
    """With the whole image's colours known, a crop looks as if it were cut out afterwards."""
    image = dyed(HE, 0.7, seed=1)
    reference, own = (stain.Reference.of(one, method) for one in (dyed(OTHER, seed=2), image))
    whole = stain.transfer(image, reference)
    part = np.ascontiguousarray(image[40:90, 30:100])
    brought = stain.transfer(part, reference, own)
    assert np.abs(brought.astype(int) - whole[40:90, 30:100]).max() <= 2
    assert not np.array_equal(stain.transfer(part, reference), brought)
