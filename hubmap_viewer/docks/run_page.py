"""The leader board: a row a run, and beside it what the chosen one is and what it can do."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer.docks.base import enable, heading, primary, quiet
from hubmap_viewer.docks.row_table import Cell, RowTable
from hubmap_viewer.run_board import RunBoard, why_not
from trainer.review.compare import ALL
from trainer.review.leader_board import RULE, RunRow

EMPTY = "There is no run yet: train one in Train, and it stands here."


class RunPage(QWidget):
    """Reads nothing by itself: the board is read when its dock is seen."""

    considered = Signal(object)
    """The run that may take over."""
    compared = Signal()
    """Two runs' predictions are shown, to be looked at in Compare."""
    wanted = Signal(object)
    """The run that is to predict."""

    def __init__(self, model: RunBoard) -> None:
        super().__init__()
        self.model = model
        self.table = RowTable(_cells(model), "Runs of the cohort, the best first")
        self.in_force, self.advice, self.state = QLabel(), quiet(), QLabel(EMPTY)
        self.back = QPushButton()
        self.name, self.details = heading(""), quiet()
        self.score, self.keep = QLineEdit(), QPushButton("Keep")
        self.show_it, self.compare = QPushButton("Show"), QPushButton("Compare")
        self.predict, self.promote = QPushButton("Predict with it"), primary("Promote…")
        self._build()
        self._listen()
        self.update_all()

    # -- building -------------------------------------------------------------------------

    def _build(self) -> None:
        top = QHBoxLayout()
        self.in_force.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        top.addWidget(self.in_force, 1)
        top.addWidget(self.back)
        self.state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.state.setWordWrap(True)
        self._full = QWidget()
        row = QHBoxLayout(self._full)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        left = QVBoxLayout()
        left.addWidget(self.table, 1)
        left.addWidget(self.advice)
        row.addLayout(left, 5)
        row.addLayout(self._build_chosen(), 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self._full, 1)
        column.addWidget(self.state, 1)

    def _build_chosen(self) -> QVBoxLayout:
        """What the chosen run is, and what it can do."""
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.score.setPlaceholderText("none yet")
        self.score.setMaximumWidth(90)
        self.score.setAccessibleName("public score")
        score = QHBoxLayout()
        score.addWidget(QLabel("Public score"))
        score.addWidget(self.score)
        score.addWidget(self.keep)
        score.addStretch(1)
        buttons = QGridLayout()
        for place, button in enumerate((self.show_it, self.compare, self.predict)):
            buttons.addWidget(button, 0, place)
        buttons.addWidget(self.promote, 1, 0, 1, 3)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.name)
        column.addWidget(self.details)
        column.addStretch(1)
        column.addLayout(score)
        column.addLayout(buttons)
        return column

    def _listen(self) -> None:
        model = self.model
        model.changed.connect(self.update_all)
        self.table.picked.connect(model.choose)
        self.back.clicked.connect(model.step_back)
        self.keep.clicked.connect(lambda: self._with_run(self._keep))
        self.score.returnPressed.connect(lambda: self._with_run(self._keep))
        self.show_it.clicked.connect(lambda: self._with_run(model.show))
        self.compare.clicked.connect(lambda: self._with_run(self._compare))
        self.predict.clicked.connect(lambda: self._with_run(self.wanted.emit))
        self.promote.clicked.connect(lambda: self._with_run(self.considered.emit))

    # -- acting ---------------------------------------------------------------------------

    def _with_run(self, act: Callable[[RunRow], object]) -> None:
        if self.model.row is not None:
            act(self.model.row)

    def _keep(self, row: RunRow) -> None:
        self.model.keep_score(row, self.score.text().strip())

    def _compare(self, row: RunRow) -> None:
        self.model.show(row, self.model.against(row))
        self.compared.emit()

    # -- showing --------------------------------------------------------------------------

    def update_all(self) -> None:
        """Show what the board knows."""
        known = self.model.known
        full = bool(self.model.rows)
        self._full.setVisible(full)
        self.state.setVisible(not full)
        self.state.setText("Reading the runs …" if known is None else EMPTY)
        self._show_in_force()
        if known is None:
            return
        self.table.put(self.model.rows, _cells(self.model))
        row = self.model.row
        if row is not None:
            self.table.selectRow(self.table.rows.index(row))
            self._show_chosen(row)
        self.advice.setText(known.board.advice.removesuffix(RULE).strip())
        self.advice.setToolTip(RULE)

    def _show_in_force(self) -> None:
        now, before = self.model.in_force, self.model.before
        known = self.model.known
        told = "No run is in force." if known is not None else ""
        if now is not None and known is not None:
            last = known.standing[-1]
            when = last.time[:16].replace("T", " ")
            told = f"In force: {now.name}, promoted {when} UTC by {last.author}."
        self.in_force.setText(told)
        self.back.setVisible(now is not None)
        self.back.setText("Take it back" if before is None else f"Back to {before.name}")
        self.back.setToolTip("The last promotion is undone; the runs stay as they are")

    def _show_chosen(self, row: RunRow) -> None:
        self.name.setText(row.name)
        self.name.setToolTip(str(row.folder))
        changes = "\n".join(row.changes) or "nothing changed"
        since = f"Since {row.parent}: {changes}" if row.parent else "The first run of the cohort."
        start = "" if row.start == "scratch" else f"Goes on from {row.start}. "
        self.details.setText(start + since)
        if not self.score.hasFocus() or not self.score.isModified():
            self.score.setText("" if row.public is None else f"{row.public:g}")
        self._offer(row)

    def _offer(self, row: RunRow) -> None:
        reason, other = why_not(row), self.model.against(row)
        in_force = "It is in force already." if self.model.is_in_force(row) else ""
        enable(self.show_it, reason)
        enable(self.compare, reason or ("" if other else "There is no other run to compare with."))
        enable(self.predict, reason)
        enable(self.promote, reason or in_force)
        if not reason:
            self.show_it.setToolTip("Show its out-of-fold predictions")
            self.predict.setToolTip("Choose it in Ensemble")
        if other is not None and not reason:
            self.compare.setToolTip(f"With {other.name}, case by case")


def _cells(model: RunBoard) -> tuple[Cell, ...]:
    """Columns of the board; the organs are those of its runs."""
    trusted = "" if model.known is None else model.known.board.trusted

    def name(row: RunRow) -> str:
        marks = [word for word, has in (
            ("trusted", row.name == trusted), ("in force", model.is_in_force(row))
        ) if has]  # fmt: skip
        return f"{row.name} · {', '.join(marks)}" if marks else row.name

    return (
        Cell("run", name, tip="Trusted: the best of those scored on the newest labels"),
        *(_organ(organ) for organ in model.organs),
        Cell("public", _public, lambda row: row.public or 0.0, "Public score, as you entered it"),
        Cell("labels", _labels, tip="The masks that it was scored on"),
        Cell("started", lambda row: row.started[:16].replace("T", " "), tip="UTC"),
    )


def _organ(organ: str) -> Cell:
    def text(row: RunRow) -> str:
        found = row.organs.get(organ)
        return "–" if found is None else f"{found.mean:.3f} ± {found.sd:.3f}"

    def mean(row: RunRow) -> float:
        return row.organs[organ].mean if organ in row.organs else 0.0

    title = "all organs" if organ == ALL else organ
    return Cell(title, text, mean, "Out-of-fold Dice, mean and deviation over cases")


def _public(row: RunRow) -> str:
    return "–" if row.public is None else f"{row.public:g}"


def _labels(row: RunRow) -> str:
    if not row.finished:
        return "not finished"
    return f"{row.version[:8]}, {row.curated} curated" if row.version else "–"
