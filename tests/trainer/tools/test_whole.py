from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import remove_small_objects

from trainer.predict.postprocess import cut
from trainer.tools import whole
from trainer.tools.scene import Scene


def pieces(mask: np.ndarray) -> int:
    return cv2.connectedComponents(mask, connectivity=8)[0] - 1


def blobs(seed: int, height: int, width: int) -> Scene:
    chance = np.random.default_rng(seed)
    levels = np.asarray(cv2.GaussianBlur(chance.random((height, width)), (0, 0), 2))
    levels = levels.reshape(height, width)
    levels = ((levels - levels.min()) / (np.ptp(levels) or 1) * 255).astype(np.uint8)
    return Scene(
        np.zeros((height, width), np.uint8), np.zeros((height, width, 3), np.uint8), levels
    )


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), height=st.integers(1, 90), width=st.integers(1, 90),
       least=st.integers(0, 80))  # fmt: skip
def test_small_units_go_as_scikit_image_says(seed, height, width, least) -> None:
    scene = blobs(seed, height, width)
    above = scene.levels >= 128

    after = whole.apply(scene, whole.Settings(128 / 255, least))

    wanted = remove_small_objects(above, max_size=least - 1, connectivity=1) if least > 1 else above
    assert np.array_equal(after > 0, wanted)


def test_the_least_area_is_in_square_micrometres_where_the_pixel_size_is_known(draw, see) -> None:
    scene = see(draw((100, 200)), draw((100, 200), (50, 50, 20, 20), (50, 150, 8, 8)), soft=1)

    setting = whole.Settings(0.5, min_area=300)
    assert pieces(whole.apply(scene, setting)) == 1
    assert pieces(whole.apply(replace(scene, pixel_size=2.0), setting)) == 2


def test_holes_are_filled_before_small_units_are_dropped(draw, see) -> None:
    truth = draw((100, 100), (50, 50, 30, 30)) & (1 - draw((100, 100), (50, 50, 25, 25)))
    scene = see(draw((100, 100)), truth, soft=1.0)

    kept = whole.apply(scene, whole.Settings(0.5, min_area=2000, fill_holes=True))

    assert np.array_equal(kept, ndimage.binary_fill_holes(cut(scene.levels, 0.5)))
    assert not whole.apply(scene, whole.Settings(0.5, min_area=2000)).any()


@pytest.mark.parametrize("scale", [1, 5])
def test_touching_units_come_apart_at_their_waist(draw, see, scale) -> None:
    pair = draw((120 * scale, 240 * scale),
                (60 * scale, 75 * scale, 40 * scale, 45 * scale),
                (60 * scale, 160 * scale, 40 * scale, 45 * scale))  # fmt: skip
    scene = see(np.zeros_like(pair), pair, soft=1.0)

    parted = whole.apply(scene, whole.Settings(0.5, split=True))

    assert pieces(pair) == 1 and pieces(parted) == 2
    lost = np.argwhere(cut(scene.levels, 0.5) > parted)
    assert abs(lost[:, 1].mean() - 117.5 * scale) < 4 * scale
    assert len(lost) < 4 * 80 * scale


def test_a_long_unit_without_a_waist_stays_whole(draw, see) -> None:
    long = draw((100, 300), (50, 150, 20, 130))
    scene = see(np.zeros_like(long), long, soft=1.0)

    assert pieces(whole.apply(scene, whole.Settings(0.5, split=True))) == 1


def test_what_is_kept_is_what_was_shown(draw, see, made) -> None:
    scene = see(draw((150, 150), (40, 40, 20, 20)), draw((150, 150), (100, 100, 30, 30)))
    setting = whole.Settings(0.3, 20, fill_holes=True, split=True)

    edit = whole.keep(scene, setting)

    assert edit is not None and edit.tool == "whole case"
    assert edit.parameters["threshold"] == 0.3
    assert np.array_equal(made(scene, edit), whole.apply(scene, setting))
    assert whole.keep(replace(scene, mask=made(scene, edit)), setting) is None
