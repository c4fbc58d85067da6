from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainer.data import contours
from trainer.errors import MaskError

masks = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=10), elements=st.integers(0, 1)
)


def rings_of(polygons: list[contours.Polygon]) -> list[np.ndarray]:
    return [ring for polygon in polygons for ring in (polygon.outer, *polygon.holes)]


def signed_area(ring: np.ndarray) -> float:
    x, y = ring.T.astype(float)
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def reference_fill(rings: list, shape: tuple[int, int]) -> np.ndarray:
    """Every pixel's centre asked by a ray to the right."""
    mask = np.zeros(shape, np.uint8)
    for row, column in np.ndindex(shape):
        x, y = column + 0.5, row + 0.5
        for ring in rings:
            for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
                if (y0 <= y) != (y1 <= y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                    mask[row, column] ^= 1
    return mask


class TestToMask:
    def test_the_boundary_belongs_to_the_polygon(self):
        mask = contours.to_mask([[[2, 1], [5, 1], [5, 3], [2, 3]]], (6, 8))
        expected = np.zeros((6, 8), np.uint8)
        expected[1:4, 2:6] = 1
        assert np.array_equal(mask, expected)

    def test_what_lies_outside_is_cut_off(self):
        mask = contours.to_mask([[[-5, -5], [3, -5], [3, 40], [-5, 40]]], (6, 8))
        assert mask[:, :4].all()
        assert not mask[:, 4:].any()

    def test_overlapping_polygons_are_joined(self):
        square = [[1, 1], [4, 1], [4, 4], [1, 4]]
        assert contours.to_mask([square, square], (6, 6)).sum() == 16

    def test_points_and_lines_are_drawn(self):
        assert contours.to_mask([[[2, 3]], [[0, 0], [3, 0]], []], (5, 5)).sum() == 5


class TestToPolygons:
    @given(masks)
    @settings(max_examples=300)
    def test_filling_gives_the_mask_back(self, mask: np.ndarray):
        rings = rings_of(contours.to_polygons(mask))
        assert np.array_equal(contours.fill(rings, mask.shape), mask)

    @given(masks)
    def test_no_ring_meets_itself_and_corners_turn(self, mask: np.ndarray):
        for ring in rings_of(contours.to_polygons(mask)):
            assert len({tuple(point) for point in ring.tolist()}) == len(ring) >= 4
            steps = np.diff(np.vstack([ring, ring[:1]]), axis=0)
            assert (np.count_nonzero(steps, axis=1) == 1).all()
            horizontal = steps[:, 0] != 0
            assert (horizontal != np.roll(horizontal, 1)).all()

    @given(masks)
    def test_areas_are_the_pixels(self, mask: np.ndarray):
        polygons = contours.to_polygons(mask)
        assert len(polygons) == cv2.connectedComponents(mask, connectivity=4)[0] - 1
        area = sum(
            abs(signed_area(polygon.outer)) - sum(abs(signed_area(hole)) for hole in polygon.holes)
            for polygon in polygons
        )
        assert area == mask.sum()

    def test_one_pixel_is_a_square(self):
        mask = np.zeros((4, 5), np.uint8)
        mask[2, 3] = 1
        (polygon,) = contours.to_polygons(mask)
        assert {tuple(point) for point in polygon.outer.tolist()} == {
            (3, 2),
            (4, 2),
            (4, 3),
            (3, 3),
        }

    def test_an_island_in_a_hole_is_a_polygon_of_its_own(self):
        mask = np.ones((7, 7), np.uint8)
        mask[1:6, 1:6] = 0
        mask[3, 3] = 1
        assert sorted(len(polygon.holes) for polygon in contours.to_polygons(mask)) == [0, 1]

    def test_an_empty_mask_has_none(self):
        assert contours.to_polygons(np.zeros((0, 3), np.uint8)) == []
        assert contours.to_polygons(np.zeros((3, 3), np.uint8)) == []


class TestFill:
    # quarters never lie on a line through pixels' centres by more than exact arithmetic tells
    corner = st.tuples(*[st.integers(-12, 48).map(lambda value: value / 4)] * 2)

    @given(st.lists(st.lists(corner, min_size=1, max_size=6), max_size=3))
    def test_it_is_the_reference_s(self, rings: list):
        shape = (7, 9)
        filled, expected = contours.fill(rings, shape), reference_fill(rings, shape)
        # a slanted edge may pass through a centre, where rounding decides
        assert np.count_nonzero(filled != expected) <= sum(map(len, rings))
        straight = [[(round(x), round(y)) for x, y in ring] for ring in rings]
        stairs = [
            [
                point
                for (x0, y0), (x1, _) in zip(ring, [*ring[1:], ring[0]], strict=True)
                for point in ((x0, y0), (x1, y0))
            ]
            for ring in straight
        ]
        assert np.array_equal(contours.fill(stairs, shape), reference_fill(stairs, shape))


class TestReadAnnotation:
    def write(self, folder: Path, content: object) -> Path:
        path = folder / "17.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    @pytest.mark.parametrize(
        "text", ["", "null", "3", "{}", "[[1, 2]]", '[[["a", "b"]]]', "[[[NaN, 1], [2, 3]]]",
                 "[[[1e30, 1], [2, 3]]]", '{"features": [{"geometry": null}]}', "[" * 100_000],
    )  # fmt: skip
    @pytest.mark.filterwarnings("error")
    def test_what_is_neither_is_told_with_a_remedy(self, tmp_path: Path, text: str):
        path = tmp_path / "17.json"
        path.write_text(text)
        with pytest.raises(MaskError, match=r"17\.json: .*; correct the file, or take it away"):
            contours.read_annotation(path, (7, 7))

    def test_competition(self, tmp_path: Path):
        path = self.write(tmp_path, [[[1, 1], [3, 1], [3, 2], [1, 2]], [[5, 5]]])
        assert contours.read_annotation(path, (7, 7)).sum() == 7

    @pytest.mark.parametrize("wrapped", [True, False])
    def test_geojson_features_with_holes(self, tmp_path: Path, wrapped: bool):
        outer, hole = [[0, 0], [6, 0], [6, 6], [0, 6], [0, 0]], [[2, 2], [4, 2], [4, 4], [2, 4]]
        features = [
            {"geometry": {"coordinates": [outer, hole]}},
            {
                "geometry": {
                    "type": "MultiPolygon",
                    "coordinates": [[[[7, 7], [8, 7], [8, 9], [7, 9]]]],
                }
            },
        ]
        content = {"type": "FeatureCollection", "features": features} if wrapped else features
        mask = contours.read_annotation(self.write(tmp_path, content), (9, 9))
        assert mask.sum() == 36 - 4 + 2
        assert mask[2:4, 2:4].sum() == 0

    def test_features_that_overlap_are_joined(self, tmp_path: Path):
        square = {"geometry": {"coordinates": [[[1, 1], [5, 1], [5, 5], [1, 5]]]}}
        assert contours.read_annotation(self.write(tmp_path, [square, square]), (6, 6)).sum() == 16

    def test_no_polygons_are_an_empty_mask(self, tmp_path: Path):
        assert not contours.read_annotation(self.write(tmp_path, []), (4, 4)).any()

    @pytest.mark.parametrize(
        "content",
        [
            5,
            "text",
            {"a": 1},
            [[1, 2, 3]],
            [[["x", 1]]],
            [{"geometry": None}],
            [[[1e400, 1]]],
            [None],
        ],
    )
    def test_other_contents_are_refused(self, tmp_path: Path, content: object):
        with pytest.raises(MaskError, match=r"17\.json: holds neither a list of polygons"):
            contours.read_annotation(self.write(tmp_path, content), (4, 4))

    def test_no_json_is_refused(self, tmp_path: Path):
        path = tmp_path / "17.json"
        path.write_text("[[[1, 2", encoding="utf-8")
        with pytest.raises(MaskError, match=r"17\.json: cannot be read"):
            contours.read_annotation(path, (4, 4))

    def test_a_missing_file_is_refused(self, tmp_path: Path):
        with pytest.raises(MaskError, match="cannot be read"):
            contours.read_annotation(tmp_path / "none.json", (4, 4))


class TestOutline:
    def test_a_square_s_band(self):
        mask = np.zeros((20, 20), np.uint8)
        mask[4:16, 4:16] = 1
        expected = mask.copy()
        expected[7:13, 7:13] = 0
        assert np.array_equal(contours.outline(mask, 3), expected)

    def test_the_image_s_edge_closes_a_unit(self):
        band = contours.outline(np.ones((10, 10), np.uint8), 2)
        assert band[:2].all()
        assert band[:, :2].all()
        assert not band[2:8, 2:8].any()

    @given(masks, st.integers(1, 4), st.integers(1, 9))
    def test_it_is_inside_the_mask_and_dashes_inside_it(self, mask, thickness, dash):
        band = contours.outline(mask, thickness)
        assert not (band & ~mask & 1).any()
        assert not (contours.outline(mask, thickness, dash) & ~band & 1).any()

    @pytest.mark.parametrize("kind", ["disc", "square"])
    @pytest.mark.parametrize("thickness", [2, 4, 6])
    def test_dashes_have_their_length_and_gaps(self, kind: str, thickness: int):
        mask = np.zeros((300, 300), np.uint8)
        if kind == "disc":
            cv2.circle(mask, (150, 150), 120, 1, -1)
        else:
            mask[30:270, 30:270] = 1
        dashed = contours.outline(mask, thickness, dash=30)
        around = len(cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0][0])
        assert cv2.connectedComponents(dashed)[0] - 1 == pytest.approx(around / 60, abs=1)
        whole = contours.outline(mask, thickness).sum()
        assert dashed.sum() == pytest.approx(whole / 2, rel=0.1)

    def test_an_empty_mask_has_none(self):
        assert not contours.outline(np.zeros((5, 5), np.uint8), 2, 3).any()
