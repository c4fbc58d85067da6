from __future__ import annotations

import numpy as np

from trainer.data.edits import Box
from trainer.data.findings import find
from trainer.tools import sides
from trainer.tools.scene import Point


def test_a_side_is_taken_finding_by_finding(draw, see, made) -> None:
    truth = draw((120, 150), (40, 40, 20, 20), (80, 110, 20, 25))
    predicted = draw((120, 150), (40, 45, 20, 20), (100, 30, 8, 8))
    scene = see(predicted)

    for finding in find(truth, predicted):
        box = Box(*finding.box)
        taken = made(scene, sides.take(scene, box, finding.region, truth, "take truth"))
        here = np.s_[box.top : box.bottom, box.left : box.right]
        assert np.array_equal(taken[here][finding.region], truth[here][finding.region])
        untouched = np.ones(truth.shape, bool)
        untouched[here] = ~finding.region
        assert np.array_equal(taken[untouched], predicted[untouched])
        back = see(taken)
        edit = sides.take(back, box, finding.region, predicted, "take prediction")
        assert np.array_equal(made(back, edit), predicted)


def test_several_findings_take_a_side_in_one_edit(draw, see, made) -> None:
    truth = draw((120, 150), (40, 40, 20, 20), (80, 110, 20, 25))
    scene = see(draw((120, 150), (40, 45, 20, 20), (100, 30, 8, 8)))
    found = find(truth, scene.mask)
    assert len(found) > 2
    places = [(Box(*one.box), one.region) for one in found[1:]]

    edit = sides.take_all(scene, places, truth, "take truth")

    one_by_one = see(scene.mask.copy())
    for box, region in places:
        one_by_one = see(made(one_by_one, sides.take(one_by_one, box, region, truth, "take truth")))
    assert np.array_equal(made(scene, edit), one_by_one.mask)
    assert not np.array_equal(one_by_one.mask, truth)


def test_what_else_differs_in_the_box_stays(draw, see, made) -> None:
    truth = draw((60, 60), (20, 20, 10, 10), (40, 40, 10, 10))
    scene = see(draw((60, 60)))
    region = np.zeros((60, 60), bool)
    region[:30, :30] = True

    after = made(scene, sides.take(scene, Box(0, 0, 60, 60), region, truth, "take truth"))

    assert np.array_equal(after, truth * region)


def test_clearing_empties_the_region_only(draw, see, made) -> None:
    scene = see(draw((60, 60), (30, 30, 20, 20)))
    region = np.zeros((20, 10), bool)
    region[5:15] = True

    cleared = made(scene, sides.clear(scene, Box(20, 25, 40, 35), region))

    assert cleared[25:35, 25:35].sum() == 0
    assert cleared.sum() == scene.mask.sum() - 100


def test_a_side_that_is_there_already_is_no_edit(draw, see) -> None:
    scene = see(draw((60, 60), (30, 30, 20, 20)))

    edit = sides.take(scene, Box(0, 0, 60, 60), np.ones((60, 60), bool), scene.mask, "take truth")
    assert edit is None
    assert sides.take_piece(scene, Point(30, 30), scene.mask, "take truth") is None


def test_one_piece_of_a_difference_is_taken_alone(draw, see, made) -> None:
    truth = draw((100, 100), (25, 25, 12, 12), (70, 70, 12, 12))
    scene = see(draw((100, 100)))

    edit = sides.take_piece(scene, Point(25, 25), truth, "take truth")

    assert edit is not None and edit.tool == "take truth"
    assert np.array_equal(made(scene, edit), draw((100, 100), (25, 25, 12, 12)))
