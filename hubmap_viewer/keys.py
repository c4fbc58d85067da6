"""The keys of the review; napari's own stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from napari.components import ViewerModel
from napari.settings import get_plugin_settings
from napari.utils.key_bindings import coerce_keybinding

from hubmap_viewer.layers import CURATED, IMAGE, PREDICTION, TRUTH, CaseLayers, toggle
from hubmap_viewer.session import Session

if TYPE_CHECKING:
    from hubmap_viewer.deciding import Deciding
    from hubmap_viewer.finding_list import FindingList
    from hubmap_viewer.toolbox import Toolbox

PLUGIN = "hubmap-viewer"


@dataclass(frozen=True, slots=True)
class Key:
    """Something that a key does.

    Attributes
    ----------
    name
        In napari's preferences, under Plugins → HuBMAP.
    usual
        The key, such as ``Ctrl+Right``, unless the user has chosen another.
    does
        What it does, in words.
    """

    name: str
    usual: str
    does: str


Chosen = dict[Key, str]
"""The key of everything that has one."""

Actions = dict[Key, Callable[[], object]]
"""What each of some keys does."""

NEXT = Key("next_case", "Ctrl+Right", "next case")
PREVIOUS = Key("previous_case", "Ctrl+Left", "previous case")
ACCEPT = Key("accept", "A", "accept the curated mask")
NEEDS_WORK = Key("needs_work", "W", "mark as in work")
REJECT = Key("reject", "R", "reject the case")
TAKE_TRUTH = Key("take_truth", "T", "truth, for the finding or the case")
TAKE_PREDICTION = Key("take_prediction", "Y", "prediction, for the finding or the case")
CLEAR = Key("clear", "C", "clear the finding or the case")
NEXT_FINDING = Key("next_finding", "J", "next finding")
PREVIOUS_FINDING = Key("previous_finding", "K", "previous finding")
UNDO = Key("undo", "Ctrl+Z", "undo on this case")
REDO = Key("redo", "Ctrl+Shift+Z", "redo on this case")
PEEK = Key("peek", "H", "show the image alone while held")
SHOW_TRUTH = Key("show_truth", "Alt+1", "truth on and off")
SHOW_PREDICTION = Key("show_prediction", "Alt+2", "prediction on and off")
SHOW_CURATED = Key("show_curated", "Alt+3", "curated on and off")
SIDE_BY_SIDE = Key("side_by_side", "S", "a second canvas side by side")
SECOND_OPINION = Key("second_opinion", "Q", "ask for a second opinion")
LEAVE = Key("leave", "N", "leave the finding as it is")
ALL_TRUTH = Key("all_truth", "Shift+T", "truth for the whole case")
ALL_PREDICTION = Key("all_prediction", "Shift+Y", "prediction for the whole case")
ALL_CLEAR = Key("all_clear", "Shift+C", "clear the whole case")
ALL_SUGGESTED = Key("all_suggested", "Shift+B", "every open finding as suggested")
PICK = Key("pick", "G", "pick: add or take away a unit")
PIECE = Key("piece", "Shift+X", "piece: take a side where a click is")
SPLIT = Key("split", "D", "split: divide a unit")
MERGE = Key("merge", "U", "merge: unite two units")
HOLES = Key("holes", "O", "fill holes of a unit")
SMOOTH = Key("smooth", "I", "smooth a unit's outline")
SNAP = Key("snap", "Shift+S", "snap: a rough outline to the nearest edge")
SMART_BRUSH = Key("smart_brush", "Shift+P", "smart brush")
GROW = Key("grow", ".", "grow the unit just picked")
SHRINK = Key("shrink", ",", "shrink the unit just picked")
NO_TOOL = Key("no_tool", "Escape", "never mind; then put the tool away")
WHOLE_CASE = Key("whole_case", "Shift+G", "whole case: threshold, holes, small units")

KEYS = (
    NEXT, PREVIOUS, NEXT_FINDING, PREVIOUS_FINDING, ACCEPT, NEEDS_WORK, REJECT, SECOND_OPINION,
    TAKE_TRUTH, TAKE_PREDICTION, CLEAR, LEAVE, ALL_TRUTH, ALL_PREDICTION, ALL_CLEAR,
    ALL_SUGGESTED,
    PICK, PIECE, SPLIT, MERGE, HOLES, SMOOTH, SNAP, SMART_BRUSH, GROW, SHRINK, WHOLE_CASE, NO_TOOL,
    UNDO, REDO, PEEK, SHOW_TRUTH, SHOW_PREDICTION, SHOW_CURATED, SIDE_BY_SIDE,
)  # fmt: skip


def named(name: str) -> Key:
    """A key by its name in the preferences."""
    return next(key for key in KEYS if key.name == name)


def usual_keys() -> Chosen:
    """The keys as they are while the user has chosen no other."""
    return {key: key.usual for key in KEYS}


def chosen_keys() -> tuple[Chosen, list[str]]:
    """The keys as napari's preferences have them, and a sentence for each that cannot be."""
    chosen, problems = usual_keys(), []
    try:
        wanted = get_plugin_settings(PLUGIN).keys  # type: ignore[attr-defined]
    except KeyError:  # napari was told not to look for plugins
        return chosen, problems
    for key in KEYS:
        text = str(coerce_keybinding(getattr(wanted, key.name)))
        if text:
            chosen[key] = text
        else:
            problems.append(f"The key to {key.does} cannot be read: it is {key.usual}.")
    for key in KEYS:
        text = chosen[key]
        if text != key.usual and list(chosen.values()).count(text) > 1:
            problems.append(f"{text} is taken already: the key to {key.does} is {key.usual}.")
            chosen[key] = key.usual
    return chosen, problems


def session_keys(session: Session, deciding: Deciding) -> Actions:
    """What each key that concerns the session does, wherever the focus is."""
    return {
        NEXT: lambda: session.step(1),
        PREVIOUS: lambda: session.step(-1),
        ACCEPT: lambda: session.judge("accepted"),
        NEEDS_WORK: lambda: session.judge("in work"),
        REJECT: lambda: session.judge("rejected"),
        SECOND_OPINION: lambda: session.judge("needs second opinion"),
        TAKE_TRUTH: lambda: deciding.take("truth"),
        TAKE_PREDICTION: lambda: deciding.take("prediction"),
        CLEAR: lambda: deciding.take("nothing"),
        LEAVE: deciding.leave,
        ALL_TRUTH: lambda: session.drawing.take("truth"),
        ALL_PREDICTION: lambda: session.drawing.take("prediction"),
        ALL_CLEAR: lambda: session.drawing.take("nothing"),
        ALL_SUGGESTED: deciding.take_suggested,
    }


def bind_actions(viewer: ViewerModel, actions: Actions, chosen: Chosen) -> None:
    """Bind keys for when the canvas has the focus; a layer's own keys come first."""
    for key, act in actions.items():
        viewer.bind_key(chosen[key], _calling(act), overwrite=True)


def bind_layers(viewer: ViewerModel, session: Session, layers: CaseLayers, chosen: Chosen) -> None:
    """Bind the keys that show and hide layers, and undo and redo of the curated one."""
    for key, name in ((SHOW_TRUTH, TRUTH), (SHOW_PREDICTION, PREDICTION), (SHOW_CURATED, CURATED)):
        viewer.bind_key(chosen[key], toggle(layers, name), overwrite=True)
    viewer.bind_key(chosen[PEEK], _peek(layers), overwrite=True)
    layers.bind(chosen[UNDO], session.drawing.undo)
    layers.bind(chosen[REDO], session.drawing.redo)


def finding_keys(findings: FindingList) -> Actions:
    """What goes from one finding to the next."""
    return {
        NEXT_FINDING: lambda: findings.step(1),
        PREVIOUS_FINDING: lambda: findings.step(-1),
    }


def tool_keys(toolbox: Toolbox) -> Actions:
    """What takes a tool into the hand, and what a key does in place of the wheel."""
    take: Actions = {named(tool.name): partial(toolbox.take, tool) for tool in toolbox.tools}
    return take | {GROW: lambda: toolbox.wheel(1), SHRINK: lambda: toolbox.wheel(-1)}


def _calling(act: Callable[[], object]) -> Callable[[object], None]:
    def on_key(_: object) -> None:
        act()

    return on_key


def _peek(layers: CaseLayers) -> Callable[[object], Iterator[None]]:
    def while_held(viewer: object) -> Iterator[None]:
        if IMAGE not in layers:
            return
        covers = [layers[name] for name in (TRUTH, PREDICTION, CURATED, "probability")]
        shown = [layer for layer in covers if layer.visible]
        for layer in shown:
            layer.visible = False
        yield
        for layer in shown:
            layer.visible = True

    return while_held
