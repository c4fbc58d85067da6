"""Keys can be changed in napari's preferences, and a bad choice is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from napari.settings import get_plugin_settings

from gui.conftest import Window
from hubmap_viewer import keys


@pytest.fixture
def preferences() -> Iterator[Any]:
    """The plugin's keys in napari's preferences; put back at the end."""
    settings: Any = get_plugin_settings(keys.PLUGIN)
    assert Path(settings.config_path).parent == Path(os.environ["NAPARI_CONFIG"]).parent
    chosen = settings.keys
    yield chosen
    for key in keys.KEYS:
        setattr(chosen, key.name, key.usual)


def test_another_key_accepts_and_the_usual_one_does_not(
    preferences: Any, open_window: Callable[[Path], Window], cohort_folder: Path
) -> None:
    preferences.accept, preferences.pick = "G", "F9"
    window = open_window(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    assert window.case.buttons[keys.ACCEPT].text().endswith("G")
    window.press("A")
    assert window.desk.session.status("11") == "unreviewed"
    window.press("G")
    assert window.desk.session.status("11") == "accepted"


@pytest.mark.parametrize(
    ("wrong", "said"), [("R", "R is taken already"), ("gibberish", "cannot be read")]
)
def test_a_key_that_cannot_be_is_told_and_the_usual_one_works(
    preferences: Any,
    open_window: Callable[[Path], Window],
    cohort_folder: Path,
    wrong: str,
    said: str,
) -> None:
    preferences.accept = wrong
    window = open_window(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    assert any(said in told for told in window.told())
    window.press("A")
    assert window.desk.session.status("11") == "accepted"


def test_the_list_of_keys_shows_what_is_chosen(
    preferences: Any, open_window: Callable[[Path], Window], cohort_folder: Path
) -> None:
    preferences.reject = "Ctrl+D"
    window = open_window(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    window.click(window.review.help)
    from qtpy.QtWidgets import QLabel

    shown = [label.text() for label in window.review.key_list.findChildren(QLabel)]
    assert shown[shown.index("reject the case") - 1] == "Ctrl+D"
