"""Images that look alike, group by group, and the button that keeps them in one fold."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from hubmap_viewer.docks.base import enable
from hubmap_viewer.docks.row_table import Cell, RowTable
from hubmap_viewer.docks.search_button import SearchButton
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.look_alikes import LookAlikes
from hubmap_viewer.session import Session

CELLS = (
    Cell("group", lambda member: str(member.group), lambda member: member.group),
    Cell("case", lambda member: member.case_id),
    Cell("organ", lambda member: member.organ),
    Cell("split", lambda member: member.split),
    Cell("nearest to", lambda member: member.other),
    Cell(
        "distance",
        lambda member: f"{member.distance:.3f}",
        lambda member: member.distance,
        "Share of the perceptual hash's bits that differ, at the best of eight symmetries",
    ),
)


class LookAlikePanel(QWidget):
    """Searches on demand; a click opens a case."""

    failed = Signal(object)

    def __init__(self, session: Session, model: LookAlikes, jobs: Jobs) -> None:
        super().__init__()
        self.model = model
        self.search = SearchButton(jobs, "Looking for look-alikes", model.search)
        self.keep = QPushButton("Keep together in folds")
        self.table = RowTable(CELLS, "Images that look alike, by group")
        self.table.setMinimumHeight(66)
        row = QHBoxLayout()
        row.addWidget(self.search.state, 1)
        row.addWidget(self.keep)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        model.changed.connect(self._show)
        self.search.stepped.connect(model.put)
        self.search.ended.connect(self._show)
        self.search.failed.connect(self.failed.emit)
        self.keep.clicked.connect(model.keep_together)
        self.table.picked.connect(lambda member: session.want(member.case_id))
        session.cohort_opened.connect(self.search.stop)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """See what could be searched once somebody looks."""
        super().showEvent(a0)
        self._show()

    def _show(self) -> None:
        model = self.model
        members = model.members()
        self.table.put(members)
        count = len(model.ids())
        state = "By a perceptual hash that knows turned, mirrored and cropped copies."
        if model.pairs is not None:
            groups = len({member.group for member in members})
            state = f"{len(members)} images in {groups} group{'' if groups == 1 else 's'}."
            if not members:
                state = f"No two of {count} images look alike."
            if model.problems:
                state += f" {len(model.problems)} could not be read."
        why_not = model.why_not_keep()
        if model.pairs and why_not:
            state += f" {why_not}"
        self.search.offer(f"Compare {count}", "" if count else "No image.", state)
        enable(self.keep, why_not)
        if not why_not:
            self.keep.setToolTip("Write duplicates.csv: a training's folds then keep each group")
