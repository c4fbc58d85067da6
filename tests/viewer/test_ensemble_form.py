"""An ensemble as a form: what is filled in is what the YAML says."""

from __future__ import annotations

from pathlib import Path

import pytest
from viewer.test_ensemble_lines import SAID

from hubmap_viewer.ensemble_form import fields, told
from trainer.errors import SettingsError
from trainer.settings import Ensemble

FILE = Path("mine.yaml")
MINE = Ensemble.model_validate(SAID)


def filled(**changes: str) -> dict[str, str]:
    return {field.key: field.text for field in fields(MINE)} | changes


def test_an_ensemble_comes_back_as_it_was_filled_in() -> None:
    assert told(filled(), FILE) == MINE


def test_every_key_has_a_field_that_says_what_it_means() -> None:
    found = {field.key: field for field in fields(MINE)}
    assert list(found) == list(Ensemble.model_fields)
    assert all(field.tip for field in found.values())
    assert found["fusion"].choices == ("mean", "geometric", "vote")
    assert (found["tta_scales"].text, found["tta_scales"].default) == ("", "[1.0]")


def test_what_is_emptied_goes_back_to_its_default() -> None:
    after = told(filled(tta="", thresholds=""), FILE)
    assert (after.tta, after.thresholds) == (("identity",), {})
    assert after.postprocess == MINE.postprocess


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("postprocess", "{lung: {fil_holes: true}}", "fill_holes"),
        ("threshold", "1.5", "`threshold`"),
        ("tta", "[identity", "`tta` is not YAML"),
        ("name", "", "`name`"),
    ],
)
def test_what_is_wrong_is_named(key: str, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match="mine") as caught:
        told(filled(**{key: text}), FILE)
    assert words in str(caught.value)
