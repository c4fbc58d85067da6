"""The tools above the canvas: one button each, and what the one in the hand can be told."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QShortcut,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer import keys
from hubmap_viewer.colours import CURATED
from hubmap_viewer.docks.base import enable
from hubmap_viewer.docks.key_list import written
from hubmap_viewer.docks.whole_panel import WholePanel
from hubmap_viewer.session import Session
from hubmap_viewer.toolbox import Toolbox
from hubmap_viewer.tools.tool import Tool
from hubmap_viewer.whole_case import WholeCase

_HEIGHT = 28

_LOOK = f"""
QToolButton {{ background: rgba(128, 140, 160, 60); border-radius: 3px; padding: 0 8px; }}
QToolButton:hover {{ background: rgba(128, 140, 160, 120); }}
QToolButton:checked {{ background: {CURATED}; color: black; }}
"""
"""A button is seen to be one, and the tool in the hand has the colour that it draws in."""


class ToolsDock(QWidget):
    """A strip of buttons; the whole case's settings open under it."""

    def __init__(
        self, session: Session, toolbox: Toolbox, whole: WholeCase, chosen: keys.Chosen
    ) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setStyleSheet(_LOOK)
        self._session = session
        self._toolbox = toolbox
        self._chosen = chosen
        self.buttons: dict[str, QToolButton] = {}
        self.radius, self._radius_name = QDoubleSpinBox(), QLabel("Radius")
        self.whole_button = QToolButton()
        self.whole_panel = WholePanel(session, whole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 2)
        layout.setSpacing(2)
        layout.addLayout(self._build_strip())
        layout.addWidget(self.whole_panel)
        self.whole_panel.hide()
        self.whole_panel.closed.connect(lambda: self.whole_button.setChecked(False))
        whole.asked.connect(lambda: self.whole_button.click())
        toolbox.changed.connect(self._show)
        session.case_opened.connect(self._show)
        session.cohort_opened.connect(self._show)
        session.prediction_changed.connect(self._show)
        self._show()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As low as its rows are."""
        return QSize(600, super().sizeHint().height())

    def _build_strip(self) -> QHBoxLayout:
        strip = QHBoxLayout()
        strip.setSpacing(4)
        for tool in self._toolbox.tools:
            strip.addWidget(self._button(tool))
        self.radius.setRange(0.5, 100.0)
        self.radius.setDecimals(1)
        self.radius.setValue(self._toolbox.smooth.radius)
        self.radius.setToolTip("Details smaller than this go when an outline is smoothed")
        self.radius.valueChanged.connect(self._on_radius)
        strip.addWidget(self._radius_name)
        strip.addWidget(self.radius)
        strip.addStretch(1)
        key = self._chosen[keys.WHOLE_CASE]
        button = self.whole_button
        button.setText(f"Whole case  {written(key)}")
        button.setCheckable(True)
        button.setMinimumHeight(_HEIGHT)
        button.setProperty("says", "Threshold, holes, small and touching units of the whole case")
        button.toggled.connect(self._on_whole)
        self._shortcut(key, button)
        strip.addWidget(button)
        return strip

    def _button(self, tool: Tool) -> QToolButton:
        key = self._chosen[keys.named(tool.name)]
        button = QToolButton()
        button.setText(f"{tool.title}  {written(key)}")
        button.setCheckable(True)
        button.setMinimumHeight(_HEIGHT)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setProperty("says", f"{tool.hint} ({written(key)})")
        button.clicked.connect(lambda: self._toolbox.take(tool))
        self._shortcut(key, button)
        self.buttons[tool.name] = button
        return button

    def _shortcut(self, key: str, button: QToolButton) -> None:
        """The key holds while the strip has the focus; the canvas has its own."""
        shortcut = QShortcut(QKeySequence(written(key)), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(button.click)

    def _on_radius(self, value: float) -> None:
        self._toolbox.smooth.radius = value

    def _on_whole(self, wanted: bool) -> None:
        self.whole_panel.setVisible(wanted)
        self.updateGeometry()

    def _show(self) -> None:
        here, in_hand = self._session.open, self._toolbox.in_hand
        why = "Open a case first." if here is None else ""
        for tool in self._toolbox.tools:
            button = self.buttons[tool.name]
            enable(button, why)
            button.setChecked(tool is in_hand)
        for button in self.buttons.values():
            button.setToolTip(why or button.property("says"))
        if here is not None and here.predicted is None:
            why = "Predict this case first."
        enable(self.whole_button, why)
        self.whole_button.setToolTip(why or self.whole_button.property("says"))
        smoothing = in_hand is self._toolbox.smooth
        known = here is not None and here.loaded.case.pixel_size is not None
        self.radius.setSuffix(" µm" if known else " px")
        self.radius.setVisible(smoothing)
        self._radius_name.setVisible(smoothing)
