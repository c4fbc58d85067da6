"""What a window drew and did not save: offered, shown, and never taken without a word."""

from __future__ import annotations

from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from hubmap_viewer.recovery import Recovery
from hubmap_viewer.session import Session


class RecoveryBar(QFrame):
    """A sentence and its buttons, in sight while there is something to decide."""

    def __init__(self, session: Session, recovery: Recovery) -> None:
        super().__init__()
        self._session = session
        self._recovery = recovery
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.show_it = QPushButton("Show it")
        self.recover, self.discard = QPushButton("Recover"), QPushButton("Discard")
        self.setStyleSheet("RecoveryBar { border: none; border-left: 4px solid #F0E442; }")
        row = QHBoxLayout()
        row.addStretch(1)
        for button in (self.show_it, self.discard, self.recover):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.addWidget(self.words)
        layout.addLayout(row)
        self.show_it.clicked.connect(recovery.go)
        self.recover.clicked.connect(session.drawing.recover)
        self.discard.clicked.connect(session.drawing.discard)
        recovery.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        here = self._session.open
        waits = here is not None and here.lost is not None
        self.words.setText(self._recovery.words)
        self.recover.setVisible(waits)
        self.discard.setVisible(waits)
        self.show_it.setVisible(not waits and bool(self._recovery.cases))
        self.setVisible(bool(self._recovery.words))
