"""The session on napari's canvas: layers made once, whose data follow the open case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from hubmap_viewer import colours
from hubmap_viewer.loading import Predicted
from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.replacing import measure_in, put, replace
from hubmap_viewer.session import Session
from trainer.data.case import Mask
from trainer.data.edits import Box

IMAGE = "image"
PROBABILITY = "probability"
TRUTH = "truth"
PREDICTION = "prediction"
CURATED = "curated"
SECOND = "second ensemble"
PREVIEW = "preview"
"""Only there while a mask is looked at that is none of the others."""
NAMES = (IMAGE, PROBABILITY, CURATED, TRUTH, SECOND, PREDICTION)
"""From the bottom to the top of the canvas: outlines stay readable over the fill."""


class CaseLayers:
    """Shows a session's open case and hears what is painted on it."""

    made = Signal()
    """The layers are there, anew."""

    def __init__(self, viewer: ViewerModel, session: Session) -> None:
        self._viewer = viewer
        self._session = session
        self._made: dict[str, Layer] = {}
        self._busy = False
        self._keys: dict[str, Callable[[], None]] = {}
        session.case_opened.connect(self._show_case)
        session.mask_changed.connect(self._refresh_curated)
        session.prediction_changed.connect(self._show_prediction)
        session.cohort_opened.connect(self._empty)
        session.lost_settled.connect(self._guard)

    def __getitem__(self, name: str) -> Layer:
        return self._made[name]

    @property
    def curated(self) -> Labels:
        """The only layer that can be edited."""
        layer = self._made[CURATED]
        assert isinstance(layer, Labels)
        return layer

    def __contains__(self, name: str) -> bool:
        return name in self._made and self._made[name] in self._viewer.layers

    def lend(self, layer: Layer) -> None:
        """Have a layer that comes and goes be known by its name as well."""
        self._made[layer.name] = layer

    def bind(self, key: str, act: Callable[[], None]) -> None:
        """Have a key of the curated layer do this in place of what napari's layer does."""
        self._keys[key] = act

    def remove(self) -> None:
        """Take the layers off the canvas, as when another cohort opens."""
        for layer in self._made.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._made.clear()

    def _empty(self) -> None:
        """Show nothing until another cohort's first case is there; the layers stay."""
        if any(name not in self for name in NAMES):
            self.remove()
            return
        with self._quiet():
            for name in NAMES:
                self._made[name].data = _nothing(self._made[name])  # type: ignore[attr-defined]
            self.curated.editable = False
            self.curated.metadata = {}

    # -- a case opens ---------------------------------------------------------------------

    def _show_case(self) -> None:
        here = self._session.open
        assert here is not None
        with self._quiet():
            if any(name not in self for name in NAMES):
                self.remove()
                self._make(here)
            else:
                self._swap(here)
            self.curated.metadata = {"case": here.id}
            self._place(here)
            self._show_prediction()
        self._guard()
        self._viewer.reset_view()
        self._viewer.layers.selection.active = self.curated

    def _guard(self, _: object = None) -> None:
        """Only what will be kept can be drawn."""
        if CURATED in self and self.curated.editable != self._session.drawing.may_draw:
            self.curated.editable = self._session.drawing.may_draw

    def _make(self, here: OpenCase) -> None:
        shape = here.loaded.shape
        blank = _blank(shape)
        layers = (
            Image(here.loaded.image, name=IMAGE, rgb=True, multiscale=True),
            Image(
                np.zeros((2, 2), np.uint8),
                name=PROBABILITY,
                colormap="inferno",
                contrast_limits=(0, 255),
                blending="additive",
                opacity=0.6,
                visible=False,
                interpolation2d="linear",
            ),
            Labels(
                here.curated,
                name=CURATED,
                colormap=_one_colour(colours.CURATED),
                opacity=0.4,
            ),
            outline_layer(TRUTH, blank, colours.TRUTH),
            outline_layer(SECOND, blank, colours.SECOND),
            outline_layer(PREDICTION, blank, colours.PREDICTION),
        )
        for layer in layers:
            self._made[layer.name] = layer
            self._viewer.add_layer(layer)
        self._show_truth(here)
        self._prepare_curated()
        self.made.emit()

    def _prepare_curated(self) -> None:
        layer = self.curated
        layer.selected_label = 1
        layer.brush_size = 30
        layer.events.paint.connect(self._on_paint)
        layer.events.selected_label.connect(self._only_one_label)
        for key, act in self._keys.items():
            layer.bind_key(key, lambda _, act=act: act(), overwrite=True)

    def _swap(self, here: OpenCase) -> None:
        image = self._made[IMAGE]
        assert isinstance(image, Image)
        replace(image, here.loaded.image)
        self._show_truth(here)
        layer = self.curated
        mode = layer.mode
        # Not to be edited for a moment: that makes napari forget the last case's strokes.
        layer.editable = False
        replace(layer, here.curated)
        layer.editable = True
        layer.mode = mode

    def _show_truth(self, here: OpenCase) -> None:
        truth = self._made[TRUTH]
        assert isinstance(truth, Labels)
        levels = here.loaded.truth_outline
        replace(truth, _blank(here.loaded.shape) if levels is None else levels)

    def _show_prediction(self) -> None:
        here = self._session.open
        if here is None or PREDICTION not in self:
            return
        for name, predicted in ((PREDICTION, here.predicted), (SECOND, here.second)):
            outline = self._made[name]
            assert isinstance(outline, Labels)
            levels = _blank(here.loaded.shape) if predicted is None else predicted.outline
            # What stays as it is would cost as much to draw as what is new.
            if outline.data[0] is not levels[0]:
                replace(outline, levels)
        probability = self._made[PROBABILITY]
        assert isinstance(probability, Image)
        found: Predicted | None = here.predicted
        levels = np.zeros((2, 2), np.uint8) if found is None else found.prediction.probability
        if probability.data is not levels:
            replace(probability, levels)
        self._place_probability(here)

    def _place(self, here: OpenCase) -> None:
        """Give every layer the case's place in the world: µm where known, else pixels."""
        for name in (IMAGE, TRUTH, SECOND, PREDICTION, CURATED):
            put(self._made[name], "scale", (here.pixel, here.pixel))
        for layer in self._made.values():
            measure_in(layer, here.unit)

    def _place_probability(self, here: OpenCase) -> None:
        """Stretch the probability, which is coarser, over the image."""
        pixel = here.pixel
        height, width = here.loaded.shape
        layer = self._made[PROBABILITY]
        rows, columns = layer.data.shape[:2]
        scale = np.array((pixel * height / rows, pixel * width / columns))
        put(layer, "scale", scale)
        # Pixel centres: the first coarse pixel covers the first fine ones.
        put(layer, "translate", (scale - pixel) / 2)

    # -- the user paints ------------------------------------------------------------------

    def _on_paint(self, event: object) -> None:
        if self._busy:
            return
        self._session.drawing.painted(str(self.curated.mode), _painted_box(event))

    def _refresh_curated(self, box: Box) -> None:
        """Draw the part that changed: the texture shows the very array that was edited."""
        if CURATED in self:
            part = box.of(self.curated.data)  # type: ignore[arg-type]
            self.curated.events.labels_update(data=part, offset=[box.top, box.left])

    def _only_one_label(self) -> None:
        """A mask knows inside and outside only: other numbers would not be kept."""
        if self.curated.selected_label > 1:
            self.curated.selected_label = 1

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        self._busy = True
        try:
            yield
        finally:
            self._busy = False


def toggle(layers: CaseLayers, name: str) -> Callable[[object], None]:
    """A key's action: show or hide a layer."""

    def act(_: object) -> None:
        if name in layers:
            layers[name].visible = not layers[name].visible

    return act


def outline_layer(name: str, levels: list[Mask], colour: str) -> Labels:
    """A layer of outlines, each level drawn by itself, that cannot be edited."""
    layer = Labels(levels, name=name, multiscale=True, colormap=_one_colour(colour), opacity=1.0)
    layer.editable = False
    return layer


def _one_colour(colour: str) -> DirectLabelColormap:
    return DirectLabelColormap(color_dict={0: "transparent", 1: colour, None: colour})


def _nothing(layer: Layer) -> object:
    """What an emptied layer shows: two pixels a side, of as many levels as it is made for."""
    if isinstance(layer, Image) and layer.rgb:
        return [np.zeros((2, 2, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)]
    empty = np.zeros((2, 2), np.uint8)
    return [empty, empty[:1, :1]] if layer.multiscale else empty  # type: ignore[attr-defined]


@lru_cache(maxsize=4)
def _blank(shape: tuple[int, int]) -> list[Mask]:
    """Two levels with nothing on them; a read-only view, so no memory is spent."""
    height, width = shape
    sizes = (shape, (max(1, height // 2), max(1, width // 2)))
    return [np.broadcast_to(np.zeros((), np.uint8), size) for size in sizes]


def _painted_box(event: object) -> Box | None:
    """The box around a stroke; None where napari does not tell it."""
    boxes: list[Box] = []
    for atom in getattr(event, "value", None) or ():
        key = getattr(atom, "slice_key", None)
        if key is not None:
            rows, columns = key
            boxes.append(Box(rows.start, columns.start, rows.stop, columns.stop))
            continue
        rows, columns = atom[0]
        boxes.append(
            Box(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
        )
    if not boxes:
        return None
    whole = boxes[0]
    for box in boxes[1:]:
        whole = whole.union(box)
    return whole
