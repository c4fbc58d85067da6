from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trainer.data.case import Mask
from trainer.data.findings import KINDS, Finding, Loss, find, tally
from trainer.errors import MaskError
from trainer.metrics import dice

EXCHANGED = {"missed": "spurious", "merged": "split", "boundary": "boundary"}
EXCHANGED |= {there: here for here, there in EXCHANGED.items()}


def drawn(picture: str) -> tuple[Mask, Mask]:
    """Two masks: a is a pixel of the first, b of the second, x of both."""
    letters = np.array([list(line) for line in picture.split()])
    first, second = np.isin(letters, ["a", "x"]), np.isin(letters, ["b", "x"])
    return first.astype(np.uint8), second.astype(np.uint8)


def named(picture: str) -> list[tuple[str, int, int]]:
    """Kind, differing pixels and units of a drawing's findings."""
    return [(one.kind, one.area, one.units) for one in find(*drawn(picture))]


def disc(mask: Mask, row: int, column: int, radius: int) -> None:
    cv2.circle(mask, (column, row), radius, 1, -1)


def blank(side: int = 1000) -> tuple[Mask, Mask]:
    return np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)


@pytest.mark.parametrize(
    ("picture", "wanted"),
    [
        pytest.param(".aa. .aa. ....", [("missed", 4, 1)], id="missed"),
        pytest.param(".bb. .bb. ....", [("spurious", 4, 1)], id="spurious"),
        pytest.param("xxbxx xx.xx", [("merged", 1, 2)], id="a bridge merges two"),
        pytest.param("xxbxxbxx xxbaxbxa", [("merged", 6, 3)], id="a merger of three has its edges"),
        pytest.param("xxaxx xxaxx", [("split", 2, 2)], id="a crack splits one"),
        pytest.param("xxx xxa xxb", [("boundary", 2, 1)], id="the rest of a match"),
        pytest.param("aaaa axxa aaaa", [("boundary", 10, 1)], id="small within large"),
        pytest.param("xxxx xbbx xxxx", [("boundary", 2, 1)], id="a filled hole"),
        pytest.param(
            "aaaaa a...a a.b.a a...a aaaaa",
            [("missed", 16, 1), ("spurious", 1, 1)],
            id="within the hole is not within the unit",
        ),
        pytest.param(
            "aaaxbbb aaaxbbb", [("missed", 6, 1), ("spurious", 6, 1)], id="a mere touch no match"
        ),
        pytest.param("aaxxbb", [("missed", 2, 1), ("spurious", 2, 1)], id="half is no match"),
        pytest.param("aaxxxbb", [("boundary", 4, 1)], id="shifted by less than half"),
        pytest.param(
            "xx.. xx.. ..aa ..aa", [("missed", 4, 1)], id="a corner does not connect: one missed"
        ),
        pytest.param("xxx xxx", [], id="identical"),
        pytest.param("... ...", [], id="both empty"),
    ],
)
def test_what_a_person_would_say(picture: str, wanted: list[tuple[str, int, int]]):
    assert named(picture) == wanted


def test_a_chain_is_a_merger_and_a_split():
    """Two units; one prediction takes the first and most of the second, another its rest."""
    findings = find(*drawn("xxxxbbxxxxxaxxx xxxxbbxxxxxaxxx axxx..xxxxxaxxx"))
    assert [(one.kind, one.area, one.units) for one in findings] == [
        ("merged", 5, 2),
        ("split", 3, 2),
    ]
    merged, split = findings
    assert merged.box == (0, 0, 3, 6)
    assert split.box == (0, 11, 3, 12)


def test_places_and_pixels():
    (finding,) = find(*drawn("..... .xxa. .xxa. ..b.. ....."))
    assert finding.box == (1, 2, 4, 4)
    assert finding.region.tolist() == [[False, True], [False, True], [True, False]]
    assert finding.loss == pytest.approx(3 / 11)
    assert finding.share == 1
    assert not finding.border
    assert finding.area_um2(0.5) == pytest.approx(0.75)
    assert finding.area_um2(None) is None


@pytest.mark.parametrize("turns", range(4))
def test_a_unit_that_is_cut_by_the_edge_counts(turns: int):
    first, second = (np.rot90(mask, turns) for mask in drawn("..... .xx.a .xa.. ....."))
    cut = {one.kind: one.border for one in find(first.copy(), second.copy())}
    assert cut == {"missed": True, "boundary": False}


def test_largest_loss_first():
    first, second = blank(300)
    for row, radius in ((50, 10), (150, 40), (250, 20)):
        disc(first, row, 150, radius)
    areas = [one.area for one in find(first, second)]
    assert areas == sorted(areas, reverse=True)
    assert len(areas) == 3


@pytest.mark.parametrize(
    ("radius", "kind"), [(40, "boundary"), (15, "missed")], ids=["a fifth", "a fiftieth"]
)
def test_a_sliver_of_a_unit_does_not_find_it(radius: int, kind: str):
    first, second = blank()
    disc(first, 500, 500, 100)
    disc(second, 500, 500, radius)
    assert [one.kind for one in find(first, second)] == [kind]
    assert [one.kind for one in find(second, first)] == [EXCHANGED[kind]]


@pytest.mark.parametrize(
    ("radius", "kind", "units"), [(60, "split", 2), (12, "boundary", 1)], ids=["piece", "crumb"]
)
def test_a_crumb_beside_a_piece_is_no_split(radius: int, kind: str, units: int):
    first, second = blank()
    first[200:600, 100:900] = 1
    disc(second, 400, 300, 150)
    disc(second, 400, 750, radius)
    assert [(one.kind, one.units) for one in find(first, second)] == [(kind, units)]


def test_specks_are_one_finding_and_a_cell_is_one_of_its_own():
    first, second = blank()
    disc(first, 500, 500, 100)
    disc(second, 500, 500, 100)
    second[10:990:10, 10:300:10] = 1
    second[900:910, 900:910] = 1
    specks = int((first != second).sum()) - 100
    assert [(one.kind, one.units, one.area) for one in find(first, second)] == [
        ("boundary", 0, specks),
        ("spurious", 1, 100),
    ]


def test_specks_of_a_unit_go_with_it():
    first, second = blank()
    disc(first, 500, 500, 100)
    disc(second, 500, 500, 80)
    second[500, 585] = 1
    assert [(one.kind, one.units) for one in find(first, second)] == [("boundary", 1)]


@pytest.mark.parametrize("turned", [False, True], ids=["columns", "rows"])
def test_confidence_is_of_the_second_version(turned: bool):
    first, second = drawn("aa...bb. aa...bb.")
    probability = np.array([[51, 204]], np.uint8)
    if turned:
        first, second, probability = first.T, second.T, probability.T
    found = {one.kind: one.confidence for one in find(first, second, probability)}
    assert found == {"missed": pytest.approx(0.8), "spurious": pytest.approx(0.8)}
    assert [one.confidence for one in find(first, second)] == [None, None]


def test_confidence_at_the_image_s_own_size_is_its_mean():
    first, second = drawn("xxab xxbb")
    probability = np.array([[255, 255, 102, 153], [255, 255, 0, 255]], np.uint8)
    (one,) = find(first, second, probability)
    assert one.confidence == pytest.approx((0.6 + 0.6 + 0 + 1) / 4)


def test_a_tally_has_every_kind():
    first, second = drawn("aa.aa.bbb aa.......")
    totals = tally(find(first, second))
    assert tuple(totals) == KINDS
    assert totals["missed"].count == 2
    assert totals["missed"].loss == pytest.approx(6 / 9)
    assert totals["merged"] == Loss(0, 0.0)


def test_masks_of_different_sizes_are_refused():
    with pytest.raises(MaskError, match=r"different sizes, \(2, 3\) and \(3, 2\)"):
        find(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_no_pixels_no_findings(shape: tuple[int, int]):
    assert find(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)) == []


def laid_down(findings: list[Finding], shape: tuple[int, int]) -> np.ndarray:
    """How many findings each pixel belongs to."""
    times = np.zeros(shape, int)
    for one in findings:
        top, left, bottom, right = one.box
        times[top:bottom, left:right] += one.region
    return times


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Mask, Mask]:
    """Masks of any pixels, alike or not, small or enlarged and then with specks."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    first, second = (draw(arrays(np.uint8, shape, elements=st.integers(0, 1))) for _ in "ab")
    if draw(st.booleans()):
        second = (first ^ (second & np.roll(second, 1, 0))).astype(np.uint8)
    if draw(st.booleans()):
        scale = np.ones((40, 40), np.uint8)
        first, second = (np.kron(mask, scale).astype(np.uint8) for mask in (first, second))
        first[::39, ::7] ^= 1
        second[5::37, 1::11] ^= 1
    return first, second


@given(pairs())
def test_every_differing_pixel_is_in_one_finding(pair: tuple[Mask, Mask]):
    first, second = pair
    findings = find(first, second)
    differs = first != second
    assert np.array_equal(laid_down(findings, first.shape), differs)
    assert sum(one.area for one in findings) == differs.sum()
    assert sum(one.loss for one in findings) == pytest.approx(1 - dice(first, second))
    assert sum(one.share for one in findings) == pytest.approx(1.0 if findings else 0.0)
    for one in findings:
        assert one.area == one.region.sum() > 0
        rows, columns = np.nonzero(one.region)
        assert {0, one.box[2] - one.box[0] - 1} <= set(rows)
        assert {0, one.box[3] - one.box[1] - 1} <= set(columns)


@given(pairs())
def test_exchanged_masks_exchange_the_names(pair: tuple[Mask, Mask]):
    first, second = pair

    def facts(one: Finding, kind: str) -> tuple[object, ...]:
        return kind, one.box, one.area, one.units, one.border, one.region.tobytes()

    there = [facts(one, one.kind) for one in find(first, second)]
    back = [facts(one, EXCHANGED[one.kind]) for one in find(second, first)]
    assert sorted(there) == sorted(back)


@given(pairs(), st.integers(0, 3), st.booleans())
def test_a_turned_or_mirrored_image_has_the_same_findings(
    pair: tuple[Mask, Mask], turns: int, mirrored: bool
):
    def turned(mask: Mask) -> Mask:
        return np.ascontiguousarray(np.rot90(mask[:, ::-1] if mirrored else mask, turns))

    def facts(pair: tuple[Mask, Mask]) -> list[tuple[str, int, int, bool]]:
        return sorted((one.kind, one.area, one.units, one.border) for one in find(*pair))

    assert facts((turned(pair[0]), turned(pair[1]))) == facts(pair)
