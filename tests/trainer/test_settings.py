from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from trainer.errors import SettingsError
from trainer.settings import read_ensemble, read_recipe, to_yaml

MEMBER = {"weights": "a.safetensors"}


def written(path: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump({"name": "mine", "members": [MEMBER]} | changes), "utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tresholds": {}}, r"unknown key `tresholds` \(did you mean `thresholds`\?\)\.$"),
        ({"members": [MEMBER | {"wieght": 2}]}, r"wieght` \(did you mean `weight`\?\)\.$"),
        ({"members": [MEMBER | {"weight": 0}]}, r"`members.0.weight`: Input .* greater than 0\.$"),
        ({"members": [MEMBER | {"weight": float("inf")}]}, r"`members.0.weight`: .* finite number"),
        ({"members": []}, "`members`: Tuple should have at least 1 item"),
        ({"members": [MEMBER, MEMBER]}, r"the member a\.safetensors is listed twice"),
        ({"members": [MEMBER, {"weights": "./a.safetensors"}]}, "is listed twice"),
        ({"tta": ["hflip", "hflip"]}, "the view hflip is listed twice"),
        ({"tta": ["flip"]}, r"`tta.0`: Input should be 'identity', .* or 'rot180'\.$"),
        ({"threshold": 1}, "`threshold`: Input should be less than 1"),
        ({"thresholds": {"lung": 1.5}}, "`thresholds.lung`: Input should be less than 1"),
        ({"thresholds": {"lung": "high"}}, "`thresholds.lung`: Input should be a valid number"),
    ],
)  # fmt: skip
def test_an_ensemble_s_mistake_is_told_once(tmp_path: Path, changes: dict[str, Any], told: str):
    path = written(tmp_path / "e.yaml", **changes)
    with pytest.raises(SettingsError, match=told) as caught:
        read_ensemble(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fold": 3}, r"unknown key `fold` \(did you mean `folds`\?\)"),
        ({"network": {"encodr": "x"}}, r"`network.encodr` \(did you mean `encoder`\?\)"),
        ({"folds": 1}, "`folds`: Input should be greater than or equal to 2"),
        ({"seed": 2**70}, "`seed`: Input should be less than"),
        ({"minutes": float("inf")}, "`minutes`: Input should be a finite number"),
        ({"learning_rate": 1e30}, "`learning_rate`: Input should be less than or equal to 1"),
        ({"bce_weight": 0, "dice_weight": 0}, "there is nothing to learn"),
        (
            {"labels": {"raw_predction": 0}},
            r"unknown key `labels.raw_predction` \(did you mean `raw_prediction`\?\)",
        ),
        ({"labels": {"raw_prediction": {"wight": 1}}}, r"did you mean `weight`\?"),
        ({"labels": {"raw_prediction": -1}}, "`labels.raw_prediction.weight`: Input should be gr"),
        ({"labels": {"raw_prediction": "few"}}, "`labels.raw_prediction`: is neither a number nor"),
        ({"labels": {"truth": {"weight": 1}}}, "`labels.truth`: Input should be a valid number"),
        (
            {"labels": {"truth": 0, "redrawn": 0, "edited_prediction": 0, "raw_prediction": 0}},
            "`labels`: every weight is 0: there is nothing to learn",
        ),
    ],
)
def test_a_recipe_s_mistake_is_told(tmp_path: Path, changes: dict[str, Any], told: str):
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({"name": "mine"} | changes), "utf-8")
    with pytest.raises(SettingsError, match=told):
        read_recipe(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no `key: value` lines; name the YAML"),
        (b"- a", "holds no `key: value` lines"),
        (b"name: [", "row 1: is not YAML"),
        (b"!!python/object/apply:os.getcwd []", "is not YAML"),
        (b"\xff\xfe\x00", "is no text; name the YAML"),
        (b"[" * 100_000, "is n"),
    ],
)
def test_what_is_no_settings_file(tmp_path: Path, content: bytes, told: str):
    path = tmp_path / "r.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=told):
        read_recipe(path)


def test_a_missing_file_says_what_to_name(tmp_path: Path):
    with pytest.raises(
        SettingsError, match=r"ensemble\.yaml: there is no such file; name the YAML"
    ):
        read_ensemble(tmp_path)


@pytest.mark.parametrize(
    ("written", "weight", "least"),
    [
        (None, 1.0, 0.0),
        (0.5, 0.5, 0.0),
        ({"min_confidence": 0.8}, 1.0, 0.8),
        ({"weight": 0.5, "min_confidence": 0.9}, 0.5, 0.9),
    ],
)
def test_what_labels_are_worth(tmp_path: Path, written: Any, weight: float, least: float):
    path = tmp_path / "r.yaml"
    labels = {} if written is None else {"labels": {"raw_prediction": written}}
    path.write_text(yaml.safe_dump({"name": "mine"} | labels), "utf-8")
    recipe = read_recipe(path)
    worth = recipe.labels.raw_prediction
    assert (worth.weight, worth.min_confidence) == (weight, least)
    assert recipe.labels.truth == recipe.labels.redrawn == 1
    path.write_text(to_yaml(recipe), "utf-8")
    assert read_recipe(path) == recipe
