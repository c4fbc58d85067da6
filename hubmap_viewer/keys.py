"""The keys of the review; napari's own stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from napari.components import ViewerModel

from hubmap_viewer.layers import CURATED, IMAGE, PREDICTION, TRUTH, CaseLayers, toggle
from hubmap_viewer.session import Session


@dataclass(frozen=True, slots=True)
class Key:
    """A key as napari spells it, and what it does in words."""

    key: str
    does: str


NEXT = Key("Control-Right", "next case")
PREVIOUS = Key("Control-Left", "previous case")
ACCEPT = Key("A", "accept the curated mask")
NEEDS_WORK = Key("W", "mark as needing work")
REJECT = Key("R", "reject the case")
TAKE_TRUTH = Key("T", "start from truth")
TAKE_PREDICTION = Key("Y", "start from prediction")
CLEAR = Key("C", "clear the curated mask")
UNDO = Key("Control-Z", "undo on this case")
REDO = Key("Control-Shift-Z", "redo on this case")
PEEK = Key("H", "show the image alone while held")
SHOW_TRUTH = Key("Alt-1", "truth on and off")
SHOW_PREDICTION = Key("Alt-2", "prediction on and off")
SHOW_CURATED = Key("Alt-3", "curated on and off")

KEYS = (
    NEXT, PREVIOUS, ACCEPT, NEEDS_WORK, REJECT, TAKE_TRUTH, TAKE_PREDICTION, CLEAR,
    UNDO, REDO, PEEK, SHOW_TRUTH, SHOW_PREDICTION, SHOW_CURATED,
)  # fmt: skip


def session_keys(session: Session) -> dict[Key, Callable[[], None]]:
    """What each key that concerns the session does, wherever the focus is."""
    return {
        NEXT: lambda: session.step(1),
        PREVIOUS: lambda: session.step(-1),
        ACCEPT: lambda: session.judge("accepted"),
        NEEDS_WORK: lambda: session.judge("needs work"),
        REJECT: lambda: session.judge("rejected"),
        TAKE_TRUTH: lambda: session.take("truth"),
        TAKE_PREDICTION: lambda: session.take("prediction"),
        CLEAR: lambda: session.take("nothing"),
    }


def bind_keys(viewer: ViewerModel, session: Session, layers: CaseLayers) -> None:
    """Bind the keys for when the canvas has the focus; a layer's own keys come first."""
    for key, act in session_keys(session).items():
        viewer.bind_key(key.key, _calling(act), overwrite=True)
    for key, name in ((SHOW_TRUTH, TRUTH), (SHOW_PREDICTION, PREDICTION), (SHOW_CURATED, CURATED)):
        viewer.bind_key(key.key, toggle(layers, name), overwrite=True)
    viewer.bind_key(PEEK.key, _peek(layers), overwrite=True)


def _calling(act: Callable[[], None]) -> Callable[[object], None]:
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
