"""The open case: what it is, how its masks agree, and the buttons for a verdict."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QGridLayout, QPushButton, QShortcut, QVBoxLayout, QWidget
from superqt import QElidingLabel

from hubmap_viewer import colours, keys
from hubmap_viewer.docks.base import QUIET, enable
from hubmap_viewer.docks.key_list import written
from hubmap_viewer.session import Session


class CasePanel(QWidget):
    """Says all there is to say of the open case in three lines, and judges it.

    Parameters
    ----------
    host
        The dock in which the keys hold wherever its focus is.
    """

    def __init__(self, session: Session, chosen: keys.Chosen, host: QWidget) -> None:
        super().__init__()
        self._session = session
        self._chosen = chosen
        self._host = host
        self.title, self.dice, self.kept = QElidingLabel(), QElidingLabel(), QElidingLabel()
        self.buttons: dict[keys.Key, QPushButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        for label in (self.title, self.dice, self.kept):
            label.setMinimumWidth(0)
            layout.addWidget(label)
        self.kept.setStyleSheet(QUIET)
        layout.addLayout(self._build_buttons())
        self._listen()
        self.show_case()

    def _build_buttons(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        rows = (
            ((keys.PREVIOUS, "◀ Previous"), (keys.NEXT, "Next ▶")),
            (
                (keys.TAKE_TRUTH, "Truth"),
                (keys.TAKE_PREDICTION, "Prediction"),
                (keys.CLEAR, "Clear"),
            ),
            (
                (keys.ACCEPT, "● Accept"),
                (keys.NEEDS_WORK, "◐ In work"),
                (keys.REJECT, "✕ Reject"),
            ),
        )
        actions = keys.session_keys(self._session)
        for row, line in enumerate(rows):
            for column, (key, text) in enumerate(line):
                grid.addWidget(self._button(key, text, actions[key]), row, column)
        return grid

    def _button(self, key: keys.Key, text: str, act: Callable[[], None]) -> QPushButton:
        short = written(self._chosen[key])
        button = QPushButton(f"{text}  {short}" if len(short) == 1 else text)
        button.setMinimumHeight(28)
        button.setToolTip(f"{key.does[0].upper()}{key.does[1:]} ({short})")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: act())
        shortcut = QShortcut(QKeySequence(short), self._host)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(act)
        self.buttons[key] = button
        return button

    def _listen(self) -> None:
        session = self._session
        session.cohort_opened.connect(self.show_case)
        session.case_wanted.connect(self._on_wanted)
        session.case_opened.connect(self.show_case)
        session.curated_changed.connect(self._show_scores)
        session.prediction_changed.connect(self._show_scores)
        session.case_updated.connect(self._on_updated)
        session.saved.connect(self._on_updated)

    def _on_wanted(self, case_id: str) -> None:
        here = self._session.open
        if here is not None and here.id == case_id:
            return  # it was loaded ahead and is there already
        self.title.setText(f"{case_id} · opening …")
        self.dice.clear()
        self.kept.clear()

    def show_case(self) -> None:
        """Show the open case, or that there is none."""
        here = self._session.open
        why = "Open a case first." if here is None else ""
        for key, button in self.buttons.items():
            if key not in (keys.NEXT, keys.PREVIOUS):
                enable_keeping_tip(button, why)
        if here is None:
            self.title.setText("No case is open.")
            self.dice.clear()
            self.kept.clear()
            return
        case = here.loaded.case
        height, width = here.loaded.shape
        known = (
            case.id,
            case.organ,
            case.data_source,
            f"{width}×{height} px",
            f"{case.pixel_size:g} µm/px" if case.pixel_size else "pixel size unknown",
        )
        self.title.setText(" · ".join(word for word in known if word))
        self.title.setToolTip(self.title.text())
        self._show_scores()

    def _show_scores(self) -> None:
        here = self._session.open
        if here is None:
            return
        scores = here.scores
        if here.loaded.truth is None:
            self.dice.setText("No truth to compare with.")
        else:
            before = "none" if scores.prediction is None else f"{scores.prediction:.3f}"
            seen = " (seen in training)" if scores.in_sample else ""
            self.dice.setText(f"Dice: prediction {before}{seen} → curated {scores.curated:.3f}")
        self._show_kept()

    def _on_updated(self, case_id: str) -> None:
        if self._session.open is not None and self._session.open.id == case_id:
            self._show_kept()

    def _show_kept(self) -> None:
        here = self._session.open
        if here is None:
            return
        review = self._session.reviews.get(here.id)
        if self._session.store is None:
            kept = "cannot be kept: the cohort's folder cannot be written"
        elif here.id in self._session.unsaved():
            kept = "saving …"
        elif review is None:
            kept = f"not kept yet; a copy of {here.loaded.origin}"
        else:
            kept = f"saved {review.created.astimezone():%H:%M:%S} by {review.author}"
        self.kept.setToolTip(kept)
        self.kept.setText(f"{colours.STATUS_SHAPE[here.status]} {here.status} · {kept}")


def enable_keeping_tip(button: QPushButton, why_not: str) -> None:
    """Enable with its own tool tip, or disable with the reason."""
    tip = button.property("tip") or button.toolTip()
    if button.isEnabled() == (not why_not) and button.toolTip() == (why_not or tip):
        return  # styling a button anew costs milliseconds, with each case that opens
    button.setProperty("tip", tip)
    enable(button, why_not)
    if not why_not:
        button.setToolTip(tip)
