from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.metrics import dice
from trainer.tools import brush
from trainer.tools.scene import Point, Scene


@settings(max_examples=60, deadline=None)
@given(
    row=st.floats(-5, 45), column=st.floats(-5, 60), radius=st.floats(0.5, 30), full=st.booleans()
)
def test_a_disc_is_every_pixel_within_its_radius(row, column, radius, full) -> None:
    mask = np.full((41, 53), int(full), np.uint8)
    scene = Scene(mask, np.zeros((41, 53, 3), np.uint8))
    rows, columns = np.ogrid[:41, :53]
    inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2

    edit = brush.disc(scene, Point(row, column), radius, erase=full)

    after = mask.copy()
    if edit is not None:
        edit.apply(after)
    assert np.array_equal(after > 0, ~inside if full else inside)


def noisy(scene: Scene) -> Scene:
    noise = np.random.default_rng(0).normal(0, 8, scene.image.shape)
    return replace(scene, image=np.clip(scene.image + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("known", [{"levels": None}, {}], ids=["image", "image and probability"])
def test_only_what_looks_alike_is_painted(draw, see, made, known) -> None:
    unit = draw((200, 200), (100, 70, 60, 40))
    scene = noisy(see(draw((200, 200)), unit, soft=2.0, **known))

    edit = brush.paint(scene, [Point(100, 90)], 35)

    assert edit is not None and edit.tool == "smart brush"
    painted, disc = (
        made(scene, edit),
        brush.covered(Point(100, 90), 35, edit.box._replace(top=0, left=0, bottom=200, right=200)),
    )
    assert not (painted & (1 - disc)).any()
    assert (painted & (1 - unit)).sum() < 0.1 * (disc & (1 - unit)).sum()
    assert (painted & unit).sum() > 0.85 * (disc & unit).sum()


def test_a_probability_edge_holds_the_brush_where_colour_does_not(draw, see, made) -> None:
    unit = draw((200, 200), (100, 70, 60, 40))
    scene = replace(
        see(draw((200, 200)), unit, soft=2.0), image=np.full((200, 200, 3), 150, np.uint8)
    )

    painted = made(scene, brush.paint(scene, [Point(100, 90)], 35))

    assert painted.sum() > 1000
    assert (painted & (1 - unit)).sum() < 0.1 * painted.sum()


def test_a_stroke_paints_along_its_way_but_only_what_is_connected(draw, see, made) -> None:
    units = draw((120, 400), (60, 100, 40, 80), (60, 320, 40, 60))
    scene = noisy(see(draw((120, 400)), units, soft=2.0))

    painted = made(scene, brush.paint(scene, [Point(60, 40), Point(60, 390)], 50))

    assert dice(painted[:, :200], units[:, :200]) > 0.93
    assert not painted[:, 240:].any()


def test_the_smart_eraser_takes_only_what_looks_alike(draw, see, made) -> None:
    unit = draw((200, 200), (100, 70, 60, 40))
    scene = noisy(see(draw((200, 200), (100, 100, 80, 90)), unit, soft=2.0))

    after = made(scene, brush.paint(scene, [Point(100, 140)], 45, erase=True))

    gone = scene.mask & (1 - after)
    assert gone.sum() > 3000
    assert (gone & unit).sum() < 0.05 * gone.sum()


def test_a_stroke_that_begins_beside_the_image_does_nothing(see) -> None:
    scene = see(np.zeros((50, 50), np.uint8))

    assert brush.paint(scene, [Point(-5, 5), Point(20, 20)], 8) is None
    assert brush.paint(scene, [], 8) is None


def test_one_pixel_more_is_painted_at_least(see) -> None:
    chance = np.random.default_rng(3).integers(0, 256, (50, 50, 3), np.uint8)
    scene = replace(see(np.zeros((50, 50), np.uint8)), image=chance)

    edit = brush.paint(scene, [Point(20, 20)], 3)

    assert edit is not None
    assert cv2.countNonZero(brush.covered(Point(20, 20), 3, edit.box)) >= edit.pixels
