"""Suspect cases on the left, suspect units on the right; a click goes there."""

from __future__ import annotations

from typing import Any

from psygnal import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from hubmap_viewer.docks.row_table import Cell, RowTable
from hubmap_viewer.docks.search_button import SearchButton
from hubmap_viewer.docks.soon import Soon
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session
from hubmap_viewer.suspicions import SHORT, WORDS, Suspicions

SUSPICION = "Suspicion: how strongly out-of-fold predictions contradict the truth, 0 to 1"

TIP = "\n".join(f"{SHORT[kind]}: {words}" for kind, words in WORDS.items())

CASES = (
    Cell("case", lambda case: case.case_id),
    Cell("organ", lambda case: case.organ),
    Cell("susp.", lambda case: f"{case.suspicion:.3f}", lambda case: case.suspicion, SUSPICION),
    Cell(
        "noisy",
        lambda case: f"{case.noisy_pixels:.1%}",
        lambda case: case.noisy_pixels,
        "Contradicted pixels, of the whole image",
    ),
    Cell(
        "Dice",
        lambda case: f"{case.dice:.3f}",
        lambda case: case.dice,
        "Of the prediction against truth; it has no part in the suspicion",
    ),
)


class SuspectPanel(QWidget):
    """Ranks truths on demand."""

    failed = Signal(object)

    def __init__(self, session: Session, model: Suspicions, jobs: Jobs) -> None:
        super().__init__()
        self._session, self.model = session, model
        self.search = SearchButton(jobs, "Ranking truths", model.search)
        self.cases = RowTable(CASES, "Cases whose truth is suspect")
        self.units = RowTable(self._unit_cells(), "Units whose truth is suspect")
        self._build()
        self._soon = Soon(self, self._update)
        session.scores_changed.connect(lambda: self._soon())
        session.case_updated.connect(lambda _: self._soon())
        model.changed.connect(self._show)
        self.search.stepped.connect(model.put)
        self.search.ended.connect(model.finish)
        self.search.failed.connect(self.failed.emit)
        self.cases.picked.connect(model.open)
        self.units.picked.connect(model.show)
        session.cohort_opened.connect(self.search.stop)
        session.predictions_changed.connect(self.search.stop)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """See what could be ranked once somebody looks."""
        super().showEvent(a0)
        self._update()

    def _build(self) -> None:
        tables = QHBoxLayout()
        tables.setSpacing(10)
        tables.addWidget(self.cases, 10)
        tables.addWidget(self.units, 12)
        for table in (self.cases, self.units):
            table.setMinimumHeight(66)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.search.state)
        column.addLayout(tables, 1)

    def _unit_cells(self) -> tuple[Cell, ...]:
        def area(unit: Any) -> str:
            size, of = self.model.area(unit)
            return f"{size:,.0f} {of}"

        return (
            Cell("case", lambda unit: unit.case_id),
            Cell("organ", lambda unit: unit.organ),
            Cell("what", lambda unit: SHORT[unit.kind], tip=TIP),
            Cell(
                "susp.",
                lambda unit: f"{unit.suspicion:.3f}",
                lambda unit: unit.suspicion,
                SUSPICION,
            ),
            Cell("area", area, lambda unit: self.model.area(unit)[0]),
        )

    def _show(self) -> None:
        self.cases.put(self.model.cases())
        self.units.put(self.model.units())
        self._update()

    def _update(self) -> None:
        if not self.isVisible():
            return
        model = self.model
        ids = model.ids()
        why_not = model.why_not(ids)
        state = why_not or "By out-of-fold predictions only; confident learning."
        if model.searched:
            parts = [f"{len(model.cases())} truths ranked by out-of-fold predictions"]
            parts += [f"{model.refused} left out: seen in training"] if model.refused else []
            parts += [f"{len(model.problems)} could not be read"] if model.problems else []
            state = "; ".join(parts) + "."
            if model.refused and not model.cases():
                state = why_not or state
        self.search.offer(f"Rank {len(ids)} truth{'' if len(ids) == 1 else 's'}", why_not, state)
