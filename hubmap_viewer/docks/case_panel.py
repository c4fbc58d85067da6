"""The open case: what it is, how its masks agree, and the buttons for a verdict."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QShortcut,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from hubmap_viewer import colours, keys
from hubmap_viewer.deciding import Deciding
from hubmap_viewer.docks.base import QUIET, combo, enable
from hubmap_viewer.docks.key_list import written
from hubmap_viewer.session import Session
from trainer.data.store import REASONS


class CasePanel(QWidget):
    """Says all there is to say of the open case in three lines, and judges it.

    Parameters
    ----------
    deciding
        What taking a side is about: a finding, or the case.
    host
        The dock in which the keys hold wherever its focus is.
    """

    def __init__(
        self, session: Session, chosen: keys.Chosen, deciding: Deciding, host: QWidget
    ) -> None:
        super().__init__()
        self._session = session
        self._actions = keys.session_keys(session, deciding)
        self._chosen = chosen
        self._host = host
        self.title, self.dice, self.kept = QElidingLabel(), QElidingLabel(), QElidingLabel()
        self.buttons: dict[keys.Key, QPushButton] = {}
        self.reason, self.note = combo(), QLineEdit()
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
        layout.addLayout(self._build_remark())
        self._listen()
        self.show_case()

    def _build_buttons(self) -> QVBoxLayout:
        lines = QVBoxLayout()
        lines.setSpacing(4)
        rows = (
            ((keys.PREVIOUS, "◀ Previous"), (keys.NEXT, "Next ▶")),
            (
                (keys.TAKE_TRUTH, "Truth"),
                (keys.TAKE_PREDICTION, "Prediction"),
                (keys.CLEAR, "Clear"),
                (keys.LEAVE, "Leave"),
            ),
            (
                (keys.ACCEPT, "● Accept"),
                (keys.NEEDS_WORK, "◐ In work"),
                (keys.REJECT, "✕ Reject"),
                (keys.SECOND_OPINION, "? Opinion"),
            ),
        )
        for row in rows:
            line = QHBoxLayout()
            line.setSpacing(4)
            for key, text in row:
                line.addWidget(self._button(key, text), 1)
            lines.addLayout(line)
        return lines

    def _build_remark(self) -> QHBoxLayout:
        """Words for a verdict, and of a rejected case why."""
        self.reason.addItem("why …", None)
        for reason in REASONS:
            self.reason.addItem(reason, reason)
        self.reason.setToolTip("Why the case is rejected")
        self.reason.activated.connect(self._remark)
        self.note.setPlaceholderText("note on the case …")
        self.note.setToolTip("Kept with the verdict; Enter keeps it now")
        self.note.returnPressed.connect(self._remark)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.reason)
        row.addWidget(self.note, 1)
        return row

    def _remark(self) -> None:
        """Keep the verdict as it is with these words."""
        here = self._session.open
        if here is not None:
            reason = self.reason.currentData() if here.status == "rejected" else None
            self._session.judge(here.status, self.note.text(), reason)

    def _show_remark(self) -> None:
        """Show the words kept last, unless others are being written."""
        here = self._session.open
        if here is None:
            return
        review = self._session.reviews.get(here.id)
        self.reason.setVisible(here.status == "rejected")
        reason = None if review is None else review.reason
        self.reason.setCurrentIndex(max(0, self.reason.findData(reason)))
        if not self.note.hasFocus():
            self.note.setText("" if review is None else review.note)

    def _button(self, key: keys.Key, text: str) -> QPushButton:
        act = self._actions[key]
        short = written(self._chosen[key])
        button = QPushButton(f"{text}  {short}" if len(short) == 1 else text)
        button.setMinimumSize(0, 28)
        button.setStyleSheet("QPushButton { padding: 3px 2px; }")
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
        self._show_remark()
        review = self._session.reviews.get(here.id)
        if self._session.held is not None:
            kept = f"only to look at: {self._session.held} has the cohort open"
        elif here.taken is not None:
            kept = f"only to look at: {here.taken.by} has it in hand"
        elif self._session.store is None:
            kept = "cannot be kept: the cohort's folder cannot be written"
        elif here.id in self._session.unsaved():
            kept = "saving …"
        elif review is None:
            kept = f"not kept yet; a copy of {here.loaded.start}"
        else:
            kept = (
                f"{review.origin}, saved {review.created.astimezone():%H:%M:%S} by {review.author}"
            )
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
