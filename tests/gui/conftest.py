"""A real napari viewer with the plugin's docks, and a hand that clicks and types."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget

from gui.lasting import LastingWindow
from hubmap_viewer.desk import Desk
from hubmap_viewer.docks.ensemble import EnsembleDock
from hubmap_viewer.docks.export import ExportDock
from hubmap_viewer.docks.review import ReviewDock
from hubmap_viewer.docks.train import TrainDock
from hubmap_viewer.plugin import desk_for, open_cohort

KEYS = {
    "Left": Qt.Key.Key_Left,
    "Right": Qt.Key.Key_Right,
    "Escape": Qt.Key.Key_Escape,
    ",": Qt.Key.Key_Comma,
    ".": Qt.Key.Key_Period,
}


@dataclass
class Window:
    """The window as a user has it: eyes, a mouse and a keyboard."""

    viewer: Any
    desk: Desk
    review: ReviewDock
    ensemble: EnsembleDock
    train: TrainDock
    export: ExportDock
    wait: Callable[..., None]

    @property
    def canvas(self) -> Any:
        return self.viewer.window._qt_viewer.canvas.native

    @property
    def cases(self) -> Any:
        """The queue: filters and table."""
        return self.review.queue_view

    @property
    def case(self) -> Any:
        """The open case's lines and buttons."""
        return self.review.case_panel

    @property
    def open_id(self) -> str | None:
        here = self.desk.session.open
        return None if here is None else here.id

    def press(self, keys: str) -> None:
        """Press keys such as ``Ctrl+Shift+Z`` over the canvas."""
        *modifiers, letter = keys.split("+")
        held = Qt.KeyboardModifier.NoModifier
        for word in modifiers:
            held |= {
                "Ctrl": Qt.KeyboardModifier.ControlModifier,
                "Shift": Qt.KeyboardModifier.ShiftModifier,
                "Alt": Qt.KeyboardModifier.AltModifier,
            }[word]
        key = KEYS.get(letter) or getattr(Qt.Key, f"Key_{letter.upper()}")
        QTest.keyClick(self.canvas, key, held)
        QApplication.processEvents()

    def drag(
        self,
        path: list[tuple[float, float]],
        held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """Draw with the left button along points of the image (row, column in pixels)."""
        points = [self.point(*place) for place in path]
        left = Qt.MouseButton.LeftButton
        QTest.mouseMove(self.canvas, points[0])
        QTest.mousePress(self.canvas, left, held, points[0])
        for point in points[1:]:
            self._move_pressed(point)
        QTest.mouseRelease(self.canvas, left, held, points[-1])
        QApplication.processEvents()

    def hover(self, row: float, column: float) -> None:
        """Move the mouse over a pixel of the image, no button held."""
        # vispy passes moves over that come sooner after each other
        QTest.qWait(12)
        QTest.mouseMove(self.canvas, self.point(row, column))
        QApplication.processEvents()

    def _move_pressed(self, point: QPoint) -> None:
        from qtpy.QtCore import QEvent, QPointF
        from qtpy.QtGui import QMouseEvent

        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        place = QPointF(self.canvas.mapToGlobal(point))
        event = QMouseEvent(QEvent.Type.MouseMove, QPointF(point), place, left, left, none)
        QApplication.sendEvent(self.canvas, event)
        # vispy passes moves over that come sooner after each other
        QTest.qWait(12)

    def point(self, row: float, column: float) -> QPoint:
        """Where a pixel of the image is on the canvas."""
        layer = self.desk.layers["curated"]
        place = np.asarray(layer.data_to_world((row, column)))
        centre = np.asarray(self.viewer.scene.camera.center[-2:])
        y, x = (place - centre) * self.viewer.scene.camera.zoom
        size = self.canvas.size()
        return QPoint(round(size.width() / 2 + x), round(size.height() / 2 + y))

    def show(self, dock: Any) -> None:
        """Bring a dock's tab to the front."""
        holder = dock.parentWidget()
        while not isinstance(holder, QDockWidget):
            holder = holder.parentWidget()
        holder.show()
        holder.raise_()
        self.wait(dock.isVisible)

    def told(self) -> list[str]:
        """All that notifications have said."""
        return [note.message for note in notification_manager.records]

    def go(self, case_id: str) -> None:
        """Open a case by a double click on its row."""
        view = self.cases
        row = view.model.row_of(case_id)
        assert row is not None
        index = view.model.index(row, 0)
        table = view.table
        table.scrollTo(index)
        spot = table.visualRect(index).center()
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        QTest.mouseClick(table.viewport(), left, none, spot)
        QTest.mouseDClick(table.viewport(), left, none, spot)
        self.wait(lambda: self.open_id == case_id)

    def click(self, widget: Any) -> None:
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
        QApplication.processEvents()


@pytest.fixture(autouse=True, scope="module")
def _only_windows_are_collected() -> None:
    """A closing window looks through all objects there are: spare it those of tests before."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _quiet_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for kind in ("DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    notification_manager.records.clear()


@pytest.fixture(scope="module")
def lasting(qapp: Any) -> Iterator[LastingWindow]:
    """One window for the tests of a module that need no window of their own."""
    window = LastingWindow()
    yield window
    window.close()


@pytest.fixture
def open_window(
    lasting: LastingWindow, request: pytest.FixtureRequest, qtbot: Any
) -> Iterator[Callable[[Path], Window]]:
    """Opens a new window on a cohort; closes all at the end."""
    lasting.close()
    make_napari_viewer = request.getfixturevalue("make_napari_viewer")
    windows: list[Window] = []

    def make(path: Path) -> Window:
        viewer = make_napari_viewer(show=True)
        viewer.window._qt_window.resize(1400, 900)
        # Without a window manager no window is in front by itself.
        QApplication.setActiveWindow(viewer.window._qt_window)
        open_cohort(viewer, path)
        windows.append(_hand(viewer, qtbot))
        return windows[-1]

    yield make
    for window in windows:
        window.desk.close()
        window.wait(lambda window=window: not window.desk.jobs.running)


@pytest.fixture
def reopen(lasting: LastingWindow, qtbot: Any) -> Iterator[Callable[[Path], Window]]:
    """Opens a cohort in the module's window."""
    windows: list[Window] = []

    def open(path: Path) -> Window:
        viewer = lasting.open(path)
        QApplication.setActiveWindow(viewer.window._qt_window)
        window = _hand(viewer, qtbot)
        windows.append(window)
        # the test before had a cohort open, with a case of the same id
        window.wait(lambda: getattr(window.desk.session.cohort, "folder", None) == path)
        return window

    yield open
    for window in windows:
        window.wait(lambda window=window: not window.desk.jobs.running)


def _hand(viewer: Any, qtbot: Any) -> Window:
    docks = {name.split(" ")[0]: dock for name, dock in viewer.window.dock_widgets.items()}

    def wait(condition: Callable[[], bool], timeout: float = 60) -> None:
        qtbot.waitUntil(condition, timeout=int(1000 * timeout))

    shown = (docks[name] for name in ("Review", "Ensemble", "Train", "Export"))
    return Window(viewer, desk_for(viewer), *shown, wait)


@pytest.fixture
def opener(request: pytest.FixtureRequest) -> Callable[[Path], Window]:
    """Opens a cohort: in a new window where a test opens others too, else in the module's."""
    own = "open_window" in request.fixturenames or request.node.get_closest_marker("own_window")
    return request.getfixturevalue("open_window" if own else "reopen")


@pytest.fixture
def window(opener: Callable[[Path], Window], cohort_folder: Path) -> Window:
    """The tiny cohort's window, its first case open."""
    window = opener(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    return window


_MAKE_ENSEMBLE = """
import sys
from pathlib import Path
import torch
from torch import nn
from trainer.model import checkpoint
from trainer.model.network import build
from trainer.settings import Ensemble, Member, Network, to_yaml

torch.set_num_threads(1)
folder = Path(sys.argv[1])
network = Network(
    encoder="mobilenetv3_small_050", decoder_channels=(16, 16, 8, 8, 8), pretrained=False
)
y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
disc = (((y - 32) ** 2 + (x - 32) ** 2) < 300).float()
ground = torch.tensor([225.0, 180.0, 200.0]).view(3, 1, 1)
unit = torch.tensor([110.0, 60.0, 150.0]).view(3, 1, 1)
image = (ground + disc * (unit - ground)).repeat(2, 1, 1, 1)
for seed in range(2):
    torch.manual_seed(seed)
    module = build(network).module
    adam = torch.optim.AdamW(module.parameters(), 1e-2)
    for step in range(30):
        adam.zero_grad()
        noisy = image + 30 * torch.rand_like(image)
        loss = nn.functional.binary_cross_entropy_with_logits(
            module(noisy), disc.expand(2, 1, 64, 64)
        )
        loss.backward()
        adam.step()
    described = checkpoint.Checkpoint(network=network, size=128)
    checkpoint.save(folder / f"m{seed}.safetensors", module.eval(), described)
members = (Member(weights="m0.safetensors"), Member(weights="m1.safetensors", weight=2))
ensemble = Ensemble(
    name="discs", members=members, tta=("identity", "hflip"), thresholds={"lung": 0.4}
)
(folder / "discs.yaml").write_text(to_yaml(ensemble))
"""


@pytest.fixture(scope="session")
def ensemble_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ensemble of two small networks that know discs, made in a process of its own."""
    folder = tmp_path_factory.mktemp("ensemble")
    subprocess.run([sys.executable, "-c", _MAKE_ENSEMBLE, str(folder)], check=True)
    return folder / "discs.yaml"
