"""What a session tells to whoever shows it."""

from __future__ import annotations

from psygnal import Signal


class Signals:
    """Emitted in the thread that owns the session."""

    cohort_opened = Signal()
    case_wanted = Signal(str)
    """The id of a case that is to be loaded."""
    case_opened = Signal()
    case_failed = Signal(str)
    """The id of a case that could not be opened; the one before stays open."""
    mask_changed = Signal(object)
    """The Box of the curated mask that changed other than by painting on the canvas."""
    curated_changed = Signal()
    """The curated mask changed, by whatever means: its scores are new."""
    prediction_changed = Signal()
    """The open case's prediction is another."""
    predictions_changed = Signal()
    """Other predictions are shown for the whole cohort, or another second ensemble's."""
    thresholds_changed = Signal()
    """An organ's threshold was tried; the open case's prediction follows by itself."""
    queue_changed = Signal()
    """Next and previous go through other cases, or in another order."""
    framed = Signal(object)
    """A box of the open case's image that the canvas is to go to."""
    scores_changed = Signal()
    """Many cases' scores are new at once."""
    selection_changed = Signal()
    case_updated = Signal(str)
    """The id of a case whose status or scores are new."""
    look_left = Signal()
    """The case that is drawn blind is about to go: now or never its drawing is kept."""
    leaving = Signal()
    """The window is about to close: what is to be remembered is to be kept now."""
    lost_settled = Signal(str)
    """The id of a case whose lost strokes were recovered or left."""
    saved = Signal(str)
    told = Signal(object)
    """A sentence for the user: a str, or the TrainerError that says it."""
