"""What the case table can show of a case: each column's words, and what it is sorted by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hubmap_viewer.colours import STATUS_SHAPE
from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from trainer.data.case import Case

Value = float | str | None
"""A number or a word; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the case table.

    Attributes
    ----------
    name
        By which it is remembered.
    title
        What stands above it.
    tip
        What it means, in a sentence.
    value
        Of a case.
    digits
        After the point; None for words.
    usual
        Whether it is shown until the user says otherwise.
    """

    name: str
    title: str
    tip: str
    value: Callable[[Session, Case], Value]
    digits: int | None = None
    usual: bool = True

    def text(self, session: Session, case: Case) -> str:
        """What stands in the case's cell."""
        value = self.value(session, case)
        if self.digits is None:
            return "" if value is None else str(value)
        return "–" if value is None else f"{value:.{self.digits}f}"

    def key(self, session: Session, case: Case) -> tuple[bool, float, str]:
        """What the case is sorted by: numbers by size, ids as numbers where they are."""
        value = self.value(session, case)
        if isinstance(value, str):
            return (not value, float(value) if value.isdigit() else 0.0, value)
        return (value is None, value or 0.0, "")


def _scored(name: str) -> Callable[[Session, Case], Value]:
    nothing = Scores()

    def value(session: Session, case: Case) -> Value:
        return getattr(session.scores.get(case.id, nothing), name)

    return value


def _curated(name: str) -> Callable[[Session, Case], Value]:
    """Of a case that was only looked at, the copy on the canvas is nobody's work."""
    scored = _scored(name)
    return lambda session, case: scored(session, case) if session.is_kept(case.id) else None


def _status(session: Session, case: Case) -> Value:
    return "problem" if case.problem else session.status(case.id)


def _origin(session: Session, case: Case) -> Value:
    review = session.reviews.get(case.id)
    return None if review is None else review.origin


def _reviewer(session: Session, case: Case) -> Value:
    review = session.reviews.get(case.id)
    return None if review is None else review.author


CASE = Column("case", "case", "The case's id, and its status as a sign", lambda _, case: case.id)
SECOND = Column(
    "second", "before", "Dice of the second ensemble against truth", _scored("second"), 3
)
PREDICTION = Column(
    "prediction",
    "pred.",
    "Dice of the shown prediction against truth; in brackets where every member was trained on "
    "the case, which proves nothing",
    _scored("prediction"),
    3,
)
COLUMNS = (
    CASE,
    Column("organ", "organ", "The organ", lambda _, case: case.organ),
    PREDICTION,
    Column(
        "prediction_iou",
        "pred. IoU",
        "IoU of the shown prediction against truth",
        _scored("prediction_iou"),
        3,
        usual=False,
    ),
    SECOND,
    Column(
        "curated", "curated", "Dice of the kept curated mask against truth", _curated("curated"), 3
    ),
    Column(
        "curated_iou",
        "cur. IoU",
        "IoU of the kept curated mask against truth",
        _curated("curated_iou"),
        3,
        usual=False,
    ),
    Column(
        "findings",
        "open",
        "Findings between prediction and truth that nobody has settled",
        lambda session, case: session.open_findings(case.id),
        0,
    ),
    Column("units", "units", "Number of units", _scored("units"), 0, usual=False),
    Column(
        "disagreement",
        "disagr.",
        "Disagreement of the ensemble's members about the case",
        _scored("disagreement"),
        3,
        usual=False,
    ),
    Column("status", "status", "The reviewer's verdict", _status, usual=False),
    Column(
        "origin",
        "origin",
        "What the kept mask is: truth, redrawn, or a prediction, edited or raw",
        _origin,
        usual=False,
    ),
    Column("reviewer", "reviewer", "Who reviewed the case last", _reviewer, usual=False),
    Column(
        "source", "source", "Where the image is from", lambda _, case: case.data_source, usual=False
    ),
)
BY_NAME = {column.name: column for column in COLUMNS}
SCORED = tuple(column for column in COLUMNS if column.digits is not None)
"""The columns that a range of numbers can be asked of."""


def sign(session: Session, case: Case) -> str:
    """The shape that says a case's status without colour."""
    return "⚠" if case.problem else STATUS_SHAPE[session.status(case.id)]
