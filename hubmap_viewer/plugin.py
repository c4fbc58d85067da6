"""Entry points of the napari manifest, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import napari
from napari.settings import get_settings
from napari.viewer import Viewer

from hubmap_viewer.keys import PLUGIN, SIDE_BY_SIDE

if TYPE_CHECKING:
    from hubmap_viewer.desk import Desk
    from hubmap_viewer.docks.audit import AuditDock
    from hubmap_viewer.docks.base import Dock
    from hubmap_viewer.docks.compare import CompareDock
    from hubmap_viewer.docks.ensemble import EnsembleDock
    from hubmap_viewer.docks.export import ExportDock
    from hubmap_viewer.docks.failures import FailuresDock
    from hubmap_viewer.docks.members import MembersDock
    from hubmap_viewer.docks.review import ReviewDock
    from hubmap_viewer.docks.runs import RunsDock
    from hubmap_viewer.docks.suspects import SuspectsDock
    from hubmap_viewer.docks.timeline import TimelineDock
    from hubmap_viewer.docks.tools import ToolsDock
    from hubmap_viewer.docks.train import TrainDock
    from hubmap_viewer.docks.what_if import WhatIfDock
    from trainer.review.leader_board import RunRow

ABOVE = ("Tools",)
"""Above the canvas: what the next gesture on it is for."""

DOCKS = ("Review", "Ensemble", "Members", "Train", "Export")
"""On the right: what is done to the case and the cohort."""

BELOW = ("Failures", "Timeline", "What if", "Compare", "Runs", "Suspects", "Audit")
"""Under the canvas: what is seen of the whole cohort, and of a case through time."""

DockT = TypeVar("DockT", bound="Dock")

_desks: WeakKeyDictionary[Viewer, Desk] = WeakKeyDictionary()


def desk_for(viewer: Viewer) -> Desk:
    """The viewer's desk, made when it is first asked for."""
    from hubmap_viewer.desk import Desk

    # A dock is given a proxy of the viewer; the desk belongs to the viewer itself.
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _desks:
        _desks[viewer] = Desk(viewer)
    return _desks[viewer]


def _viewer() -> Viewer:
    """The viewer in front: napari tells a function's widget no other way which it is for."""
    viewer = napari.current_viewer()
    assert viewer is not None
    return viewer


def review_dock(napari_viewer: Viewer | None = None) -> ReviewDock:
    """The case table, the open case and the verdict on it."""
    from hubmap_viewer.docks.review import ReviewDock

    desk = desk_for(napari_viewer or _viewer())
    return _watched(
        ReviewDock(desk.session, desk.open, desk.keys, desk.review, desk.recovery), desk
    )


def tools_dock(napari_viewer: Viewer | None = None) -> ToolsDock:
    """The tools that a mask is mended with."""
    from hubmap_viewer.docks.tools import ToolsDock

    desk = desk_for(napari_viewer or _viewer())
    return ToolsDock(desk.session, desk.toolbox, desk.whole_case, desk.keys)


def ensemble_dock(napari_viewer: Viewer | None = None) -> EnsembleDock:
    """Prediction in the background."""
    from hubmap_viewer.docks.ensemble import EnsembleDock

    desk = desk_for(napari_viewer or _viewer())
    dock = EnsembleDock(
        desk.session, desk.jobs, desk.engine, desk.predicting, desk.open, desk.show_predictions
    )
    desk.found_ensembles.connect(dock.refresh)
    desk.ensemble_wanted.connect(dock.choose)
    return _watched(dock, desk)


def members_dock(napari_viewer: Viewer | None = None) -> MembersDock:
    """The shown ensemble's members, mixed as one likes."""
    from hubmap_viewer.docks.members import MembersDock

    desk = desk_for(napari_viewer or _viewer())
    return _watched(MembersDock(desk.session, desk.members, desk.predicting, desk.open), desk)


def train_dock(napari_viewer: Viewer | None = None) -> TrainDock:
    """Training as a process of its own."""
    from hubmap_viewer.docks.train import TrainDock

    desk = desk_for(napari_viewer or _viewer())
    dock = TrainDock(desk.session, desk.recipe_preview, desk.open)
    dock.trained.connect(desk.on_trained)
    desk.closing.connect(dock.close_process)
    return _watched(dock, desk)


def export_dock(napari_viewer: Viewer | None = None) -> ExportDock:
    """Masks for other tools, and the hand-in."""
    from hubmap_viewer.docks.export import ExportDock

    desk = desk_for(napari_viewer or _viewer())
    return _watched(ExportDock(desk.session, desk.jobs, desk.open), desk)


def failures_dock(napari_viewer: Viewer | None = None) -> FailuresDock:
    """Every case of every organ as a dot, and what each organ loses to what."""
    from hubmap_viewer.docks.failures import FailuresDock

    desk = desk_for(napari_viewer or _viewer())
    return _watched(FailuresDock(desk.session, desk.jobs, desk.open, desk.review), desk)


def timeline_dock(napari_viewer: Viewer | None = None) -> TimelineDock:
    """The open case's revisions."""
    from hubmap_viewer.docks.timeline import TimelineDock

    desk = desk_for(napari_viewer or _viewer())
    return _watched(TimelineDock(desk.session, desk.open, desk.timeline), desk)


def what_if_dock(napari_viewer: Viewer | None = None) -> WhatIfDock:
    """Thresholds tried on the whole cohort, without touching an image."""
    from hubmap_viewer.docks.what_if import WhatIfDock

    desk = desk_for(napari_viewer or _viewer())
    return _watched(WhatIfDock(desk.session, desk.jobs, desk.open), desk)


def compare_dock(napari_viewer: Viewer | None = None) -> CompareDock:
    """What got better and worse from one ensemble to another."""
    from hubmap_viewer.docks.compare import CompareDock

    desk = desk_for(napari_viewer or _viewer())
    return _watched(CompareDock(desk.session, desk.jobs, desk.open), desk)


def runs_dock(napari_viewer: Viewer | None = None) -> RunsDock:
    """The cohort's leader board, and which run is in force."""
    from hubmap_viewer.docks.runs import RunsDock

    viewer = napari_viewer or _viewer()
    desk = desk_for(viewer)
    dock = RunsDock(desk.session, desk.jobs, desk.open)
    desk.found_ensembles.connect(dock.refresh)
    dock.ensembles_changed.connect(desk.found_ensembles.emit)
    dock.board.compared.connect(lambda: _bring(viewer, "Compare"))

    def predict(run: RunRow) -> None:
        _bring(viewer, "Ensemble")
        desk.ensemble_wanted.emit(run.folder / "ensemble.yaml")

    dock.board.wanted.connect(predict)
    return _watched(dock, desk)


def suspects_dock(napari_viewer: Viewer | None = None) -> SuspectsDock:
    """Truths that the networks contradict, and images that look alike."""
    from hubmap_viewer.docks.suspects import SuspectsDock

    desk = desk_for(napari_viewer or _viewer())
    return _watched(SuspectsDock(desk.session, desk.jobs, desk.open), desk)


def audit_dock(napari_viewer: Viewer | None = None) -> AuditDock:
    """Many predictions accepted at once and checked, and blind second looks."""
    from hubmap_viewer.docks.audit import AuditDock

    desk = desk_for(napari_viewer or _viewer())
    dock = AuditDock(desk.session, desk.jobs, desk.open)
    dock.put_up.connect(desk.review.queue.show_only)
    return _watched(dock, desk)


def _watched(dock: DockT, desk: Desk) -> DockT:
    """All work ends when the dock's window is gone; its canvas may become two."""
    from hubmap_viewer.docks.side_by_side import Halves

    key = desk.keys[SIDE_BY_SIDE]
    dock.window_gone.connect(desk.close)
    dock.in_window.connect(lambda window: Halves(window, desk.side_by_side, key))
    return dock


def open_all(viewer: Viewer) -> None:
    """Show the docks above, and as tabs at the right and below, the first of each in front."""
    places = get_settings().application.plugin_widget_positions
    for names, place in ((ABOVE, "top"), (BELOW, "bottom")):
        for name in names:
            places.setdefault(f"{name} ({PLUGIN})", place)
    for names in (ABOVE, DOCKS, BELOW):
        made = [
            viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=number > 0)[0]
            for number, name in enumerate(names)
        ]
        for dock, name in zip(made, names, strict=True):
            dock.setWindowTitle(name)
        made[0].show()
        made[0].raise_()


def _bring(viewer: Viewer, name: str) -> None:
    """Have a dock's tab in front."""
    dock, _ = viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
    dock.show()
    dock.raise_()


def open_cohort(viewer: Viewer, path: Path) -> None:
    """Open a cohort with all docks in the viewer."""
    open_all(viewer)
    desk_for(viewer).open(path)


def read_cohort(path: str | Sequence[str]) -> Callable[[Any], list[tuple[None]]] | None:
    """Napari's reader: a cohort's folder, or its train.csv or test.csv."""
    if not isinstance(path, str):
        return None
    place = Path(path)
    folder = place if place.is_dir() else place.parent
    if place.is_file() and place.name not in ("train.csv", "test.csv"):
        return None
    if not any((folder / name).is_file() for name in ("train.csv", "test.csv")):
        return None
    return _open_in_current_viewer


def _open_in_current_viewer(path: str) -> list[tuple[None]]:
    viewer = napari.current_viewer()
    if viewer is not None:
        open_cohort(viewer, Path(path))
    return [(None,)]


def open_demo() -> list[tuple[None]]:
    """Napari's sample data: a copy of the bundled cohort that may be written to."""
    from hubmap_viewer.demo import demo_cohort

    return _open_in_current_viewer(str(demo_cohort()))
