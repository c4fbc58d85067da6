from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from trainer.errors import SettingsError
from trainer.settings import Masking, read_ensemble, read_recipe, to_yaml

MEMBER = {"weights": "a.safetensors"}
REINHARD = {"method": "reinhard", "reference": "r.tiff"}


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
        ({"tta": ["flip"]}, r"`tta.0`: Input should be 'identity', .* or 'transverse'\.$"),
        ({"tta_scales": [1, 1.0]}, "the scale 1 is listed twice"),
        ({"tta_stains": [REINHARD, REINHARD]}, r"the stain reinhard r\.tiff is listed twice"),
        ({"tta_stains": [{"method": "macenko"}]}, "the method macenko needs a `reference` image"),
        ({"tta_stains": [{"method": "none", "reference": "r"}]}, "none takes no `reference`"),
        ({"tta_average": "mean"}, "`tta_average`: Input should be 'probability' or 'logit'"),
        ({"fusion": "median"}, "`fusion`: Input should be 'mean', 'geometric' or 'vote'"),
        ({"votes": {"lung": 1}}, "`votes` are of `fusion: vote`"),
        ({"fusion": "vote", "votes": {"lung": 0}}, "`votes.lung`: Input should be greater than"),
        ({"members": [{"weight": 2}]}, "`members.0`: needs either `weights` or `run`"),
        ({"members": [MEMBER | {"run": "r"}]}, "`members.0`: needs either `weights` or `run`"),
        ({"members": [MEMBER | {"fold": 1}]}, "`members.0`: `fold` is of a `run`, not of"),
        ({"members": [{"run": "r"}, {"run": "./r"}]}, "the member r is listed twice"),
        ({"members": [MEMBER | {"size": 512, "pixel_size": 0.4}]}, "`pixel_size` exclude each"),
        ({"members": [MEMBER | {"size": 512, "sizes": {768: 1}}]}, "`sizes` exclude each"),
        ({"members": [MEMBER | {"sizes": {768: 0}}]}, "`members.0.sizes.768`: Input .* than 0"),
        ({"members": [MEMBER | {"window": {"size": 500}}]}, "window.size`: .* multiple of 32"),
        ({"members": [MEMBER | {"window": {"size": 512, "overlp": 0.5}}]}, "mean `overlap`"),
        (
            {"members": [MEMBER | {"resize": "squeeze", "window": {"size": 512}}]},
            "`resize: squeeze` and `window` exclude each other",
        ),
        ({"members": [MEMBER | {"weights_by_organ": {"lung": -1}}]}, "by_organ.lung`: Input sh"),
        ({"threshold": 1}, "`threshold`: Input should be less than 1"),
        ({"thresholds": {"lung": 1.5}}, "`thresholds.lung`: Input should be less than 1"),
        ({"thresholds": {"lung": "high"}}, "`thresholds.lung`: Input should be a valid number"),
        ({"source_thresholds": {"lung": {"HPA": 2}}}, r"`source_thresholds\.lung\.HPA`: Input"),
        ({"postprocess": {"lung": {"errode": 2}}},
         r"unknown key `postprocess\.lung\.errode` \(did you mean `erode`\?\)\.$"),
        ({"postprocess": {"lung": {"split": {"nek": 0.5}}}}, r"split\.nek` \(did you mean `neck`"),
        ({"postprocess": {"lung": {"min_area": {"um": 1}}}}, r"area\.um` \(did you mean `um2`"),
        ({"postprocess": {"lung": {"crf": {"colour_sgima": 1}}}}, "did you mean `colour_sigma`"),
        ({"postprocess": {"lung": {"min_area": {"um2": 1, "px": 2}}}}, "wants one of `px`, `um2`"),
        ({"postprocess": {"lung": {"min_area": "few"}}}, "`postprocess.lung.min_area`: is neither"),
        ({"postprocess": {"lung": {"erode": -1}}}, "`postprocess.lung.erode`: .* or equal to 0"),
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
        ({"objective": {"dcie": 1}}, r"unknown key `objective.dcie` \(did you mean `dice`\?\)"),
        ({"objective": {"focus": 1}}, "`objective`: there is nothing to learn: name one of bce"),
        ({"objective": {"dice": 1}, "bce_weight": 1}, "say what `objective` says: leave them out"),
        ({"training": {"optimizer": "lion"}}, "`training.optimizer`: Input should be 'adamw'"),
        ({"training": {"ema": 0.9, "average_last": 3}}, "two ways to average: choose one"),
        (
            {"labels": {"raw_predction": 0}},
            r"unknown key `labels.raw_predction` \(did you mean `raw_prediction`\?\)",
        ),
        ({"labels": {"raw_prediction": {"wight": 1}}}, r"did you mean `weight`\?"),
        ({"labels": {"raw_prediction": -1}}, "`labels.raw_prediction.weight`: Input should be gr"),
        ({"labels": {"raw_prediction": "few"}}, "`labels.raw_prediction`: is neither a number nor"),
        ({"augmentation": {"rotate": 181}}, "`augmentation.rotate`: is at most 180"),
        ({"augmentation": {"elastc": 1}}, r"`augmentation.elastc` \(did you mean `elastic`\?\)"),
        ({"augmentation": {"blur": "much"}}, "`augmentation.blur`: is neither a number nor"),
        ({"augmentation": {"blur": {"strength": 1, "probability": 2}}}, "blur.probability`: Input"),
        (
            {"augmentation": {"by_organ": {"lung": {"downscle": 0.5}}}},
            r"`augmentation.by_organ.lung.downscle` \(did you mean `downscale`\?\)",
        ),
        ({"augmentation": {"transfer": {}}}, "`augmentation.transfer.references`: Field required"),
        (
            {"augmentation": {"transfer": {"references": "r", "blend": [1, 0.5]}}},
            "`augmentation.transfer`: `blend` wants the smaller share first",
        ),
        ({"augmentation": {"coarser": {}}}, "`augmentation.coarser`: needs either `um` or `source"),
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


def test_changes_are_written_as_briefly_as_they_were_told(tmp_path: Path):
    told = {
        "rotate": 30.0,
        "elastic": {"strength": 0.05, "probability": 0.5},
        "by_organ": {"prostate": {"downscale": 0.5, "rotate": 15.0, "flips": True}},
    }
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "augmentation": told}), "utf-8")
    recipe = read_recipe(path)
    prostate, lung = (recipe.augmentation.for_organ(organ) for organ in ("prostate", "lung"))
    # what an organ names goes first, be it the default
    assert (prostate.rotate.strength, lung.rotate.strength) == (15, 30)
    assert prostate.elastic == lung.elastic and prostate.elastic.probability == 0.5
    assert (prostate.downscale.strength, lung.downscale.strength) == (0.5, 0)
    path.write_text(to_yaml(recipe), "utf-8")
    assert read_recipe(path) == recipe
    written = yaml.safe_load(path.read_text("utf-8"))["augmentation"]
    assert {key: written[key] for key in told} == told
    old = {"flips", "rotate", "scale", "brightness", "contrast", "saturation", "hue"}
    assert set(written) == old | set(told)


def test_an_ensemble_reads_back_as_it_was_written(tmp_path: Path):
    everything = {
        "members": [
            MEMBER | {"sizes": {768: 0.2, 1024: 0.3, 1472: 0.5}, "resize": "squeeze"},
            {"run": "runs/first", "fold": 2, "pixel_size": 0.4, "organs": ["lung"]},
            {"run": "runs/first", "weights_by_organ": {"lung": 0}, "window": {"size": 512}},
        ],
        "tta": ["identity", "rot90", "rot270", "transpose", "transverse"],
        "tta_scales": [0.8, 1, 1.25],
        "tta_stains": [{"method": "none"}, REINHARD | {"organs": ["kidney"]}],
        "tta_average": "logit",
        "fusion": "vote",
        "votes": {"kidney": 4},
    }
    read = read_ensemble(written(tmp_path / "e.yaml", **everything))
    (tmp_path / "again.yaml").write_text(to_yaml(read), "utf-8")
    assert read_ensemble(tmp_path / "again.yaml") == read


def test_what_was_left_out_is_not_written(tmp_path: Path):
    read = read_ensemble(written(tmp_path / "e.yaml"))
    assert yaml.safe_load(to_yaml(read)) == {
        "name": "mine",
        "members": [MEMBER | {"weight": 1.0}],
        "tta": ["identity"],
        "threshold": 0.5,
        "thresholds": {},
    }


def test_the_same_network_may_look_twice_in_different_ways(tmp_path: Path):
    looks = [MEMBER | {"size": 768}, MEMBER | {"size": 1024}, MEMBER | {"organs": ["lung"]}]
    assert len(read_ensemble(written(tmp_path / "e.yaml", members=looks)).members) == 3


def test_an_organ_s_own_weight_goes_before_the_common_one(tmp_path: Path):
    told = MEMBER | {"weight": 2, "weights_by_organ": {"lung": 5, "spleen": 0}, "organs": ["lung"]}
    (member,) = read_ensemble(written(tmp_path / "e.yaml", members=[told])).members
    assert [member.weight_for(organ) for organ in ("lung", "spleen", "kidney")] == [5, 0, 0]
    (member,) = read_ensemble(written(tmp_path / "e.yaml", members=[told | {"organs": []}])).members
    assert [member.weight_for(organ) for organ in ("lung", "spleen", "kidney")] == [5, 0, 2]


def test_colours_may_be_an_organ_s_own(tmp_path: Path):
    stains = [REINHARD | {"organs": ["kidney"]}, {"method": "none", "organs": ["kidney"]}]
    read = read_ensemble(written(tmp_path / "e.yaml", tta_stains=stains))
    assert [stain.method for stain in read.stains_for("kidney")] == ["reinhard", "none"]
    assert [stain.method for stain in read.stains_for("lung")] == ["none"]


STEPS = {
    "default": {"fill_holes": True, "min_area": 200, "split": True, "erode": 1},
    "lung": {"split": False, "erode": 0, "min_area": {"um2": 30}, "crf": {"iterations": 3}},
}


def test_an_organ_s_own_steps_replace_the_default_ones_that_it_names(tmp_path: Path):
    masking = read_ensemble(written(tmp_path / "e.yaml", postprocess=STEPS)).masking
    lung, kidney = masking.steps_for("lung"), masking.steps_for("kidney")
    assert (lung.fill_holes, lung.split, lung.erode) == (True, None, 0)
    assert lung.min_area is not None and (lung.min_area.um2, lung.min_area.px) == (30, None)
    assert lung.crf is not None and (lung.crf.iterations, lung.crf.colour_sigma) == (3, 13)
    assert kidney.min_area is not None and kidney.min_area.px == 200
    assert kidney.split is not None and (kidney.split.neck, kidney.erode) == (0.6, 1)
    assert masking.changes_masks


def test_steps_written_anew_are_the_same_steps(tmp_path: Path):
    told = {"kidney": {"HPA": 0.3}}
    before = read_ensemble(written(tmp_path / "e.yaml", postprocess=STEPS, source_thresholds=told))
    (tmp_path / "e.yaml").write_text(to_yaml(before), "utf-8")
    after = read_ensemble(tmp_path / "e.yaml")
    assert after == before
    for organ in ("lung", "kidney"):
        assert after.masking.steps_for(organ) == before.masking.steps_for(organ)
    assert Masking.told(before.masking.description()) == before.masking


def test_a_data_source_may_have_a_threshold_of_its_own(tmp_path: Path):
    told = {"kidney": {"HPA": 0.3}}
    ensemble = read_ensemble(
        written(tmp_path / "e.yaml", thresholds={"kidney": 0.4}, source_thresholds=told)
    )
    assert ensemble.threshold_for("kidney", "HPA") == 0.3
    assert ensemble.threshold_for("kidney", "HuBMAP") == ensemble.threshold_for("kidney") == 0.4
    assert ensemble.threshold_for("lung", "HPA") == 0.5


def test_an_ensemble_of_old_reads_and_has_no_steps(tmp_path: Path):
    masking = read_ensemble(written(tmp_path / "e.yaml", thresholds={"lung": 0.1})).masking
    assert not masking.changes_masks
    assert masking.description() == {"threshold": 0.5, "thresholds": {"lung": 0.1}}


def test_a_crf_alone_changes_probabilities_and_no_mask(tmp_path: Path):
    ensemble = read_ensemble(written(tmp_path / "e.yaml", postprocess={"lung": {"crf": True}}))
    assert ensemble.crf_for("lung") is not None
    assert ensemble.crf_for("kidney") is None
    assert not ensemble.masking.changes_masks


def test_a_recipe_s_losses_are_read_as_they_were_written_before(tmp_path: Path):
    path = tmp_path / "r.yaml"
    for old, new in (
        ({}, {"bce": 0.5, "dice": 0.5}),
        ({"bce_weight": 1.0}, {"bce": 1.0, "dice": 0.5}),
        ({"bce_weight": 0.2, "dice_weight": 0.8}, {"bce": 0.2, "dice": 0.8}),
        ({"objective": {"lovasz": 3, "bce": 1}}, {"bce": 1.0, "lovasz": 3.0}),
    ):
        path.write_text(yaml.safe_dump({"name": "mine"} | old), "utf-8")
        recipe = read_recipe(path)
        assert recipe.objective.losses() == new
        path.write_text(to_yaml(recipe), "utf-8")
        assert read_recipe(path) == recipe
