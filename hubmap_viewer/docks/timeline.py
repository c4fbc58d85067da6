"""The open case's revisions as pictures, oldest first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QSize
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
)

from hubmap_viewer import colours
from hubmap_viewer.active_time import clock
from hubmap_viewer.docks.base import Dock, enable, quiet
from hubmap_viewer.session import Session
from hubmap_viewer.timeline import SIDE, Moment, Timeline
from trainer.data.case import Image

HINT = "Timeline: every saved state of a case's mask, to look at, compare and restore."

_EMPTY = "Nothing of this case is saved yet: its mask is what it was opened with."


class TimelineDock(Dock):
    """A picture a moment; choosing one outlines it on the canvas."""

    def __init__(
        self, session: Session, open_cohort: Callable[[Path], None], timeline: Timeline
    ) -> None:
        super().__init__(session, open_cohort, HINT)
        self._timeline = timeline
        self.list, self.words = QListWidget(), quiet()
        self.restore, self.hide_it = QPushButton("Restore"), QPushButton("Look no more")
        self._shown: list[Moment] = []
        self._build()
        self.list.itemSelectionChanged.connect(self._on_chosen)
        self.restore.clicked.connect(self._restore)
        self.hide_it.clicked.connect(self.list.clearSelection)
        timeline.changed.connect(self._show)
        session.case_wanted.connect(lambda _: self.list.clearSelection())
        self._show()

    def _build(self) -> None:
        view = self.list
        view.setFlow(QListView.Flow.LeftToRight)
        view.setWrapping(False)
        view.setMovement(QListView.Movement.Static)
        view.setIconSize(QSize(SIDE, SIDE))
        view.setUniformItemSizes(True)
        view.setSpacing(4)
        view.setWordWrap(True)
        view.setAccessibleName("revisions")
        view.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        view.setMinimumHeight(SIDE + 26)
        beside = QVBoxLayout()
        for widget in (self.restore, self.hide_it):
            beside.addWidget(widget)
        beside.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(view, 1)
        row.addLayout(beside)
        self.body.addWidget(self.words)
        self.body.addLayout(row, 1)

    def _show(self) -> None:
        moments = self._timeline.moments
        if moments is not self._shown:
            self._shown = moments
            self._fill(moments)
        chosen = self._chosen()
        empty = "" if moments else _EMPTY
        self.words.setText(empty or self._timeline.said or f"{len(moments)} moments")
        enable(self.restore, "" if chosen is not None else "Choose a moment first.")
        enable(self.hide_it, "" if chosen is not None else "None is looked at.")

    def _fill(self, moments: list[Moment]) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        for moment in moments:
            item = QListWidgetItem(_icon(moment.picture), _caption(moment))
            item.setToolTip(_details(moment))
            item.setSizeHint(QSize(SIDE + 130, SIDE + 6))
            self.list.addItem(item)
        self.list.scrollToBottom()
        if moments:
            self.list.scrollToItem(self.list.item(len(moments) - 1))
        self.list.blockSignals(False)

    def _chosen(self) -> Moment | None:
        rows = self.list.selectedIndexes()
        return self._shown[rows[0].row()] if rows else None

    def _on_chosen(self) -> None:
        moment = self._chosen()
        if moment is None:
            self._timeline.stop()
        else:
            self._timeline.look(moment)
        self._show()

    def _restore(self) -> None:
        moment = self._chosen()
        if moment is not None:
            self._timeline.restore(moment)
            self.list.clearSelection()


def _icon(picture: Image) -> QIcon:
    height, width = picture.shape[:2]
    image = QImage(picture.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return QIcon(QPixmap.fromImage(image))


def _caption(moment: Moment) -> str:
    one = moment.revision
    when = f"{one.created.astimezone():%d %b %H:%M}"
    return f"{when}\n{colours.STATUS_SHAPE[one.status]} {one.tool}\n{one.author}"


def _details(moment: Moment) -> str:
    one = moment.revision
    saves = f", {moment.saves} saves" if moment.saves > 1 else ""
    lines = [
        f"Revision {one.id}{saves} by {one.author}, {one.created.astimezone():%Y-%m-%d %H:%M:%S}",
        f"{one.status}; {one.origin}; {one.tool}",
        f"{moment.pixels:,} pixels changed, {clock(moment.seconds)} of work",
    ]
    if one.reason or one.note:
        lines.append(": ".join(word for word in (one.reason, one.note) if word))
    return "\n".join(lines)
