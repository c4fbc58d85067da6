"""An ensemble's settings in lines to read."""

from __future__ import annotations

from hubmap_viewer.ensemble_lines import Line, lines
from trainer.settings import Ensemble

SAID = {
    "name": "mine",
    "members": [
        {"weights": "fold0/weights.safetensors", "weights_by_organ": {"lung": 3}},
        {"run": "second", "fold": 1, "weight": 0.5, "pixel_size": 0.4},
    ],
    "tta": ["identity", "hflip"],
    "thresholds": {"lung": 0.35},
    "source_thresholds": {"lung": {"HPA": 0.2}},
    "postprocess": {
        "default": {"fill_holes": True},
        "spleen": {"min_area": {"um2": 150}, "erode": 2, "split": {"neck": 0.5}, "crf": True},
    },
}


def flat(said: tuple[Line, ...], depth: int = 0) -> list[tuple[int, str, str]]:
    found = []
    for line in said:
        found += [(depth, line.title, line.value), *flat(line.below, depth + 1)]
    return found


def test_all_that_the_file_says_is_told_by_organ() -> None:
    assert flat(lines(Ensemble.model_validate(SAID))) == [
        (0, "members", "2"),
        (1, "fold0", "weight 1"),
        (2, "weights by organ", ""),
        (3, "lung", "3"),
        (1, "second fold 1", "weight 0.5"),
        (2, "pixel size", "0.4 µm/px"),
        (0, "views", "identity, hflip"),
        (0, "fusion", "mean"),
        (0, "threshold", "0.5"),
        (0, "thresholds", ""),
        (1, "lung", "0.35"),
        (0, "thresholds by source", ""),
        (1, "lung", "HPA 0.2"),
        (0, "post-processing", ""),
        (1, "default", ""),
        (2, "fill holes", "yes"),
        (1, "spleen", ""),
        (2, "dense CRF", "on"),
        (2, "split", "neck 0.5"),
        (2, "erode by", "2 px"),
        (2, "minimum area", "150 µm²"),
    ]


def test_what_a_key_means_is_its_setting_s_own_description() -> None:
    tips = {line.title: line.tip for line in lines(Ensemble.model_validate(SAID))}
    for title, key in (("views", "tta"), ("fusion", "fusion"), ("post-processing", "postprocess")):
        assert tips[title] == Ensemble.model_fields[key].description
