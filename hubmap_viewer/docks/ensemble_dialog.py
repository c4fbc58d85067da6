"""A dialog that edits an ensemble's file; what is wrong is said while it is typed."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QTimer
from qtpy.QtGui import QFontDatabase, QTextOption
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer.docks.base import Notice, combo, enable, form, primary, quiet
from hubmap_viewer.ensemble_file import EnsembleFile
from hubmap_viewer.ensemble_form import Field, fields, told
from trainer.errors import TrainerError
from trainer.settings import Ensemble

_REST = 200
"""Milliseconds without a key pressed after which what is typed is read."""

_LINES = (1, 9)
"""Fewest and most lines that a longer value is shown in."""

_WIDTH = 46
"""Letters in such a line."""


class EnsembleDialog(QDialog):
    """One row a key of the YAML.

    Attributes
    ----------
    editors
        By key; what is left empty is left to its default.
    save
        Only there to be pressed where all can be read.
    """

    def __init__(
        self,
        parent: QWidget,
        file: EnsembleFile,
        ensemble: Ensemble,
        write: Callable[[Ensemble], None],
    ) -> None:
        super().__init__(parent)
        self._file = file
        self._write = write
        self.setWindowTitle(f"Edit {file.name}")
        self.resize(640, 680)
        self.editors: dict[str, QComboBox | QLineEdit | QTextEdit] = {}
        self.notice = Notice()
        self.save = primary(f"Write {file.name}")
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._check)
        layout = QVBoxLayout(self)
        layout.addWidget(quiet("Values are YAML. What is left empty has its default, shown pale."))
        layout.addWidget(self._rows(ensemble), 1)
        layout.addWidget(self.notice)
        layout.addLayout(self._buttons())
        self._check()

    def _rows(self, ensemble: Ensemble) -> QScrollArea:
        inside, rows = QWidget(), form()
        for field in fields(ensemble):
            editor = self._editor(field)
            editor.setToolTip(field.tip)
            editor.setAccessibleName(field.title)
            self.editors[field.key] = editor
            other = "" if field.key == field.title.replace(" ", "_") else f"\n{field.key}"
            label = QLabel(f"{field.title}{other}")
            label.setToolTip(field.tip)
            rows.addRow(label, editor)
        inside.setLayout(rows)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        return area

    def _editor(self, field: Field) -> QComboBox | QLineEdit | QTextEdit:
        if field.choices:
            choice = combo()
            choice.addItems(field.choices)
            choice.setCurrentText(field.text or field.default)
            choice.currentTextChanged.connect(lambda _: self._check())
            return choice
        pale = "" if field.default in ("{}", "[]") else field.default
        editor = QLineEdit() if field.is_short else QTextEdit()
        if isinstance(editor, QTextEdit):
            editor.setAcceptRichText(False)
            editor.setPlainText(field.text)
        else:
            editor.setText(field.text)
        editor.setPlaceholderText(pale)
        editor.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        editor.textChanged.connect(lambda *_: self._rest.start())
        if isinstance(editor, QTextEdit):
            fewest, most = _LINES
            wrapped = sum(1 + len(line) // _WIDTH for line in field.text.splitlines())
            lines = min(most, max(fewest, wrapped))
            editor.setFixedHeight(lines * editor.fontMetrics().lineSpacing() + 26)
            editor.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
            editor.setTabChangesFocus(True)
        return editor

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        self.save.clicked.connect(self._save)
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.save)
        return row

    def _read(self) -> Ensemble:
        return told({key: _text(editor) for key, editor in self.editors.items()}, self._file.path)

    def _check(self) -> None:
        try:
            self._read()
        except TrainerError as error:
            self.notice.tell(str(error), wrong=True)
            enable(self.save, "What is wrong above is to be corrected first.")
        else:
            self.notice.hide()
            enable(self.save)

    def _save(self) -> None:
        try:
            self._write(self._read())
        except TrainerError as error:
            self.notice.tell(str(error), wrong=True)
        else:
            self.accept()


def _text(editor: QComboBox | QLineEdit | QTextEdit) -> str:
    if isinstance(editor, QComboBox):
        return editor.currentText()
    return editor.text() if isinstance(editor, QLineEdit) else editor.toPlainText()
