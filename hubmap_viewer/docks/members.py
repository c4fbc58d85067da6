"""The members dock: each network looked at, weighed and switched off, and the mix follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
)

from hubmap_viewer import member_words
from hubmap_viewer.docks.base import Dock, enable, fill, heading, primary, quiet
from hubmap_viewer.docks.member_table import MemberTable
from hubmap_viewer.members import Members
from hubmap_viewer.predicting import Predicting
from hubmap_viewer.session import Session
from trainer.errors import TrainerError

HINT = "Members: see what each network says, weigh it, and watch the mix follow."

SETTLED = 400
"""Milliseconds without a change after which what is tried is kept."""

LOOK = "Choose a member to see its own mask's outline, in yellow."


class MembersDock(Dock):
    """Who the shown predictions are made of, and what another mix of them would be."""

    def __init__(
        self,
        session: Session,
        model: Members,
        predicting: Predicting,
        open_cohort: Callable[[Path], None],
    ) -> None:
        super().__init__(session, open_cohort, HINT)
        self.model = model
        self._predicting = predicting
        self.title, self.state, self.caveat, self.look = heading(""), quiet(), quiet(), quiet(LOOK)
        self.table = MemberTable()
        self.no_look = QPushButton("Hide outline")
        self.no_look.setToolTip("Escape in the list does the same.")
        self.scope = QComboBox()
        self.apply, self.reset = primary("Write weights"), QPushButton("Reset")
        self.mix_all, self.browse = QPushButton("Mix all"), QPushButton("Find its file…")
        self.bar, self.cancel = QProgressBar(), QPushButton("Cancel")
        self.progress = quiet()
        self._settling = QTimer(self)
        self._build()
        self._listen()
        self._show()

    # -- building -------------------------------------------------------------------------

    def _build(self) -> None:
        self.title.setWordWrap(True)
        self.body.addWidget(self.title)
        self.body.addWidget(self.state)
        self.body.addWidget(self.browse)
        self.body.addWidget(self.table)
        looking = QHBoxLayout()
        looking.addWidget(self.look, 1)
        looking.addWidget(self.no_look)
        self.body.addLayout(looking)
        self._scope_label = quiet("Changes count for")
        self._scope_label.setWordWrap(False)
        self._scope_label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout()
        row.addWidget(self._scope_label)
        row.addWidget(self.scope, 1)
        row.addWidget(self.reset)
        self.body.addLayout(row)
        self.body.addSpacing(6)
        # a long file's name is cut rather than the dock
        self.apply.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.body.addWidget(self.apply)
        self.body.addSpacing(12)
        self.body.addWidget(self.caveat)
        self.body.addWidget(self.mix_all)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(10)
        running = QHBoxLayout()
        running.addWidget(self.bar, 1)
        running.addWidget(self.cancel)
        self.body.addLayout(running)
        self.body.addWidget(self.progress)
        self.body.addStretch(1)

    def _listen(self) -> None:
        self.model.changed.connect(self._show)
        self.session.case_opened.connect(self._show)
        self.session.prediction_changed.connect(self._show_state)
        self.session.cohort_opened.connect(lambda: self.notice.hide())
        self._predicting.changed.connect(self._show_progress)
        self._predicting.ended.connect(self._show)
        self.table.weighed.connect(self.model.weigh)
        self.table.switched.connect(self.model.switch)
        self._settling.setSingleShot(True)
        self._settling.timeout.connect(self.model.keep)
        for moved in (self.table.weighed, self.table.switched):
            moved.connect(lambda: self._settling.start(SETTLED))
        self.reset.clicked.connect(lambda: self._settling.start(SETTLED))
        self.table.looked_at.connect(self.model.looking.look)
        self.no_look.clicked.connect(lambda: self.model.looking.look(None))
        self.scope.activated.connect(self._on_scope)
        self.reset.clicked.connect(self.model.reset)
        self.apply.clicked.connect(self._apply)
        self.mix_all.clicked.connect(self.model.mix_all)
        self.browse.clicked.connect(self._browse)
        self.cancel.clicked.connect(self._predicting.cancel)

    # -- showing --------------------------------------------------------------------------

    def _show(self) -> None:
        model, found = self.model, self.model.found
        rows = model.rows()
        self.table.put(rows, model.looking.at)
        for widget in (self.table, self.look, self.scope, self._scope_label):
            widget.setVisible(bool(rows))
        for widget in (self.apply, self.reset):
            widget.setVisible(bool(rows))
        self.no_look.setVisible(bool(rows) and model.looking.at is not None)
        lost = found is None and not model.searching and self.session.predictions is not None
        self.browse.setVisible(lost)
        self.title.setVisible(found is not None)
        if found is not None:
            self.title.setText(member_words.title(found))
            self.title.setToolTip(str(found.file.source))
        self._show_scope()
        self._show_apply()
        self._show_state()
        self._show_mix_all()
        self._show_progress()

    def _show_scope(self) -> None:
        organ = self.model.organ
        texts = ["every organ", f"{organ} only"] if organ else ["every organ"]
        if [self.scope.itemText(n) for n in range(self.scope.count())] != texts:
            self.scope.clear()
            self.scope.addItems(texts)
        self.scope.setCurrentIndex(int(self.model.only_organ and bool(organ)))

    def _show_apply(self) -> None:
        found, unwritten = self.model.found, len(self.model.unwritten)
        if found is None:
            return
        what = f"{unwritten} member{'' if unwritten == 1 else 's'}" if unwritten else "weights"
        self.apply.setText(f"Write {what} to {found.file.name}")
        enable(self.apply, self.model.why_not_write)
        if not self.model.why_not_write:
            self.apply.setToolTip(str(found.file.path))
        tried = bool(self.model.tried.changed())
        enable(self.reset, "" if tried else "Nothing is being tried.")

    def _show_state(self) -> None:
        self.state.setText(member_words.state(self.model))

    def _show_mix_all(self) -> None:
        model = self.model
        count = len(model.kept_cases) if model.found is not None else 0
        self.mix_all.setVisible(model.found is not None and count > 0)
        self.mix_all.setText(f"Mix all {count} kept cases" if count > 1 else "Mix the kept case")
        busy = self._predicting.job is not None
        enable(self.mix_all, member_words.why_not_mix_all(model, busy=busy))
        self.caveat.setText(member_words.caveat(self.model))
        self.caveat.setVisible(bool(self.caveat.text()))

    def _show_progress(self) -> None:
        work = self._predicting
        running = work.job is not None
        for widget in (self.bar, self.cancel, self.progress):
            widget.setVisible(running)
        fill(self.bar, work.share)
        self.progress.setText(work.words)
        enable(self.cancel, "It is stopping." if work.cancelling else "")

    # -- doing ----------------------------------------------------------------------------

    def _on_scope(self, index: int) -> None:
        self.model.only_organ = index == 1

    def _apply(self) -> None:
        try:
            self.notice.tell(self.model.write())
        except TrainerError as error:
            self.notice.tell(str(error), wrong=True)

    def _browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "The ensemble that made these predictions", "", "Ensemble (*.yaml *.yml)"
        )
        if name:
            self.model.choose(Path(name))
