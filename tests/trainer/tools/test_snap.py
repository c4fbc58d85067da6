from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.edits import Box
from trainer.metrics import dice
from trainer.tools import snap
from trainer.tools.scene import Point, Scene
from trainer.tools.strokes import filled


def rough(row: float, column: float, radius: float, corners: int = 9, seed: int = 0) -> list[Point]:
    chance = np.random.default_rng(seed)
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = radius * chance.uniform(0.9, 1.2, corners)
    return [
        Point(float(row + far * np.sin(turn)), float(column + far * np.cos(turn)))
        for far, turn in zip(reach, turns, strict=True)
    ]


@pytest.mark.parametrize("way", [1, -1], ids=["drawn one way", "and the other"])
@pytest.mark.parametrize("seen_by", ["probability", "image"])
def test_a_rough_lasso_comes_to_lie_on_the_edge(draw, see, made, way, seen_by) -> None:
    unit = draw((240, 260), (120, 130, 60, 60))
    scene = see(np.zeros_like(unit), unit)
    if seen_by == "image":
        scene = replace(scene, levels=np.full_like(unit, 70))
    else:
        scene = replace(scene, image=np.full_like(scene.image, 150))
    lasso = rough(120, 130, 60)[::way]

    edit = snap.snap(scene, lasso)

    assert edit is not None and edit.tool == "snap"
    assert dice(filled(lasso, Box.whole(unit)), unit) < 0.95
    assert dice(made(scene, edit), unit) > 0.985


def test_a_fallen_edge_of_the_probability_counts_more_than_the_image_s(draw, see, made) -> None:
    predicted = draw((240, 260), (120, 130, 55, 55))
    scene = see(np.zeros_like(predicted), predicted)
    stained = np.where(draw((240, 260), (120, 130, 66, 66))[..., None], 40, 230).astype(np.uint8)
    scene = replace(scene, image=np.repeat(stained, 3, axis=2))

    after = made(scene, snap.snap(scene, rough(120, 130, 60)))

    assert dice(after, predicted) > 0.97


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), row=st.integers(0, 120), column=st.integers(0, 150))
def test_the_outline_is_never_farther_than_the_band(seed, row, column) -> None:
    chance = np.random.default_rng(seed)
    image = chance.integers(0, 256, (121, 151, 3), np.uint8)
    scene = Scene(np.zeros((121, 151), np.uint8), image, image[..., 0].copy())
    lasso = rough(row, column, float(chance.uniform(4, 60)), int(chance.integers(3, 14)), seed)

    edit = snap.snap(scene, lasso)

    if edit is None:
        return
    after = scene.mask.copy()
    edit.apply(after)
    frame = Box(-200, -200, 321, 351)
    inside = filled(lasso, frame)
    band = snap.BAND * np.sqrt(inside.sum() / np.pi) + 3
    band = np.clip(band, 6, 99)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)[200:321, 200:351]
    deep = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[200:321, 200:351]
    assert not after[away > band].any()
    assert after[deep > band].all()


def test_a_unit_within_is_replaced_and_one_beside_stays(draw, see, made) -> None:
    truth = draw((240, 400), (120, 130, 50, 50))
    wrong = draw((240, 400), (115, 140, 58, 58), (120, 310, 40, 100))
    scene = see(wrong, truth)

    after = made(scene, snap.snap(scene, rough(120, 130, 52)))

    assert dice(after[:, :205], truth[:, :205]) > 0.97
    assert np.array_equal(after[:, 230:], wrong[:, 230:])


def test_a_lasso_erases_up_to_the_edge(draw, see, made) -> None:
    whole, hole = draw((240, 260), (120, 130, 100, 110)), draw((240, 260), (120, 130, 40, 40))
    scene = see(whole, whole & (1 - hole))

    after = made(scene, snap.snap(scene, rough(120, 130, 40), erase=True))

    assert dice(after, whole & (1 - hole)) > 0.99
    assert not (after & (1 - whole)).any()


@pytest.mark.parametrize(
    "lasso",
    [[], [Point(5, 5)], [Point(5, 5), Point(20, 20)], [Point(5, 5), Point(9, 9), Point(20, 20)]],
)
def test_a_lasso_without_area_does_nothing(draw, see, lasso) -> None:
    assert snap.snap(see(draw((40, 40), (20, 20, 9, 9))), lasso) is None


def test_on_flat_ground_the_lasso_itself_counts(made) -> None:
    scene = Scene(np.zeros((200, 200), np.uint8), np.full((200, 200, 3), 128, np.uint8))
    lasso = rough(100, 100, 50, 24)

    after = made(scene, snap.snap(scene, lasso))

    assert dice(after, filled(lasso, Box.whole(after))) > 0.96
