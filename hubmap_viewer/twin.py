"""A layer on another canvas that shows the very arrays of a layer on this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from napari.layers import Image, Labels, Layer

from hubmap_viewer.replacing import put, replace

PLACE = ("scale", "units")

TOOLS = ("mode", "brush_size", "selected_label", "contiguous", "preserve_labels")
"""What a mask's layer has on both canvases alike, so that either can be painted on."""


class Twin:
    """A layer of the second canvas that shows the very arrays of one of the first."""

    def __init__(self, original: Layer) -> None:
        self.original = original
        self.layer = _like(original)
        self._ends: list[Callable[[], object]] = []
        self._busy = False
        self._hear(original.events.data, self._take_data)
        for name in PLACE:
            self._copy(name)
        if isinstance(original, Labels) and not original.multiscale:
            self._mirror(original, self.layer)
            self._mirror(self.layer, original)

    def share_tools(self) -> None:
        """Paint with the original's tool and brush here too."""
        for name in TOOLS:
            self._copy(name)

    def end(self) -> None:
        """Have nothing more from the original."""
        for end in self._ends:
            end()

    def _hear(self, event: Any, act: Callable[..., None]) -> None:
        event.connect(act)
        self._ends.append(lambda: event.disconnect(act))

    def _copy(self, name: str) -> None:
        def copy(_: object = None) -> None:
            put(self.layer, name, getattr(self.original, name))

        copy()
        self._hear(getattr(self.original.events, name), copy)

    def _take_data(self) -> None:
        with self._once():
            # Not to be edited for a moment: strokes on the last case are forgotten.
            self.layer.editable = False
            replace(self.layer, self.original.data)
            self.layer.editable = self.original.multiscale is False

    def _mirror(self, source: Layer, target: Layer) -> None:
        """Draw at once what is being painted: both have one array, each has its own texture."""

        def draw_part(event: Any) -> None:
            with self._once() as first:
                if first:
                    target.events.labels_update(data=event.data, offset=event.offset)

        def draw_all(_: object) -> None:
            with self._once() as first:
                if first:
                    target.refresh(extent=False)

        self._hear(source.events.labels_update, draw_part)
        self._hear(source.events.set_data, draw_all)

    @contextmanager
    def _once(self) -> Iterator[bool]:
        """Whether this is not an echo of what the twin itself has just done."""
        first, self._busy = not self._busy, True
        try:
            yield first
        finally:
            self._busy = not first


def _like(layer: Layer) -> Layer:
    if isinstance(layer, Image):
        return Image(layer.data, name=layer.name, rgb=True, multiscale=True)
    assert isinstance(layer, Labels)
    return Labels(
        layer.data,
        name=layer.name,
        multiscale=layer.multiscale,
        colormap=layer.colormap,
        opacity=layer.opacity,
    )
