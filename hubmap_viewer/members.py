"""The shown ensemble's members: each looked at, weighed, switched off, and mixed anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from psygnal import Signal

from hubmap_viewer import ensemble_file, tried_weights
from hubmap_viewer.ensemble_file import EnsembleFile
from hubmap_viewer.ensemble_lines import short
from hubmap_viewer.finding_list import Call
from hubmap_viewer.hearing import Found, Heard, find, listen
from hubmap_viewer.loading import Predicted
from hubmap_viewer.member_look import MemberLook
from hubmap_viewer.member_rows import Row, rows
from hubmap_viewer.mix import Mixed, Settings, Tried, ensemble_of
from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.preview import Preview
from hubmap_viewer.refining import Refining, Wish
from hubmap_viewer.remixing import Remixed, Work, equal, remix
from hubmap_viewer.session import Session
from trainer.data.case import Prediction
from trainer.data.opinions import KeptOpinions
from trainer.errors import PredictionError
from trainer.settings import Member


@dataclass(frozen=True, slots=True)
class MixAll:
    """A wish to have every case mixed as the ensemble's file now says."""

    ensemble: Path
    members_from: Path
    cases: tuple[str, ...]


class Members:
    """Who the shown predictions are made of, and what another mix of them would be.

    While weights are tried, the open case's prediction is their mix; other cases keep theirs
    until all are mixed.

    Parameters
    ----------
    call
        Has a function called in the background.
    refining
        Does the dense CRF of a mix, where the ensemble has one.

    Attributes
    ----------
    found
        The ensemble; None while it is looked for, or where there is none.
    before
        Dice of the open case's kept prediction, while another mix is tried.
    looking
        Which member's own mask is outlined.
    refined
        Whether a dense CRF has refined the mix that is shown; None where it has no part in it.
    only_organ
        Whether what is tried is for the open case's organ only.
    problem
        Why there is no list, or no mix.
    """

    changed = Signal()
    mix_wanted = Signal(object)
    """A MixAll."""

    def __init__(self, session: Session, call: Call, preview: Preview, refining: Refining) -> None:
        self.session = session
        self._call = call
        self._refining = refining
        self.looking = MemberLook(self, call, preview)
        self._folder: Path | None = None
        self._hints: dict[Path, Path] = {}
        self.found: Found | None = None
        self.tried = Tried(())
        self.heard: Heard | None = None
        self.mixed: Mixed | None = None
        self.before: float | None = None
        self.refined: bool | None = None
        self.only_organ = False
        self.searching = False
        self.problem = ""
        self._written: Settings | None = None
        self._shown: Prediction | None = None
        self._turn = 0
        self._mixing = self._stale = False
        session.cohort_opened.connect(self._follow)
        session.predictions_changed.connect(self._follow)
        session.case_opened.connect(self._on_case)
        session.prediction_changed.connect(self._on_prediction)
        session.leaving.connect(self.keep)

    # -- whose predictions are shown ------------------------------------------------------

    def made_by(self, folder: Path, ensemble: Path) -> None:
        """Take note of which file a folder of predictions was made with."""
        self._hints[folder] = ensemble

    def choose(self, path: Path) -> None:
        """Take the members of an ensemble's file that the user names."""
        if self._folder is not None:
            self._hints[self._folder] = path
            self._search()

    def _follow(self) -> None:
        predictions = self.session.predictions
        folder = None if predictions is None else predictions.folder
        if folder == self._folder:
            return
        self.keep()
        self._folder = folder
        self.looking.away()
        self._refining.drop()
        self.found, self.heard, self.mixed, self._written = None, None, None, None
        self.refined = None
        self.tried, self.problem, self.searching = Tried(()), "", False
        self._turn += 1
        if folder is not None:
            self._search()
        self.changed.emit()

    def _search(self) -> None:
        cohort, predictions = self.session.cohort, self.session.predictions
        assert cohort is not None
        assert predictions is not None
        self.searching = True
        folder = predictions.folder
        hint = self._hints.get(folder)
        self._call(
            partial(find, cohort.folder, predictions, hint),
            partial(self._put_found, folder),
            partial(self._not_found, folder),
        )

    def _put_found(self, folder: Path, found: Found | None) -> None:
        if folder != self._folder:
            return
        self.searching, self.found, self.problem = False, found, ""
        if found is not None:
            self.tried = Tried(found.panel.settings)
            self._take_up(folder)
            self._listen_to_members()
        self.changed.emit()

    def _take_up(self, folder: Path) -> None:
        """Try again what was tried when these predictions were shown last."""
        self.tried.take_up(tried_weights.read(folder), self._names)
        if self.tried.changed():
            told = ", ".join(self._words_of(self.tried.changed()))
            self.session.told.emit(f"Tried weights are on that are not written yet: {told}.")

    def _not_found(self, folder: Path, error: BaseException) -> None:
        if folder == self._folder:
            self.searching, self.problem = False, str(error)
            self.changed.emit()

    # -- the open case --------------------------------------------------------------------

    @property
    def organ(self) -> str:
        """Of the open case."""
        here = self.session.open
        return "" if here is None else here.loaded.case.organ

    def arrived(self, case_id: str) -> None:
        """A member's opinion of a case has just been kept."""
        if self.session.open is not None and self.session.open.id == case_id:
            self._listen_to_members()

    def _on_case(self) -> None:
        here = self.session.open
        self._shown = None if here is None or here.predicted is None else here.predicted.prediction
        self.heard = self.mixed = self.refined = None
        self._refining.drop()
        self._turn += 1
        self._listen_to_members()
        self.changed.emit()

    def _on_prediction(self) -> None:
        here = self.session.open
        shown = None if here is None or here.predicted is None else here.predicted.prediction
        if shown is not self._shown:
            self._shown = shown
            self._listen_to_members()

    def _listen_to_members(self) -> None:
        """Read what the members said of the open case."""
        here, found = self.session.open, self.found
        if here is None or found is None or here.blind or self._folder is None:
            return
        self._turn += 1
        turn = self._turn
        self._call(
            partial(listen, found.panel, self.session.sources, here.loaded.case, here.loaded.truth),
            partial(self._put_heard, turn),
            self.fail,
        )

    def _put_heard(self, turn: int, heard: Heard) -> None:
        if turn != self._turn:
            return
        self.heard = heard
        self._remix()
        self.looking.again()
        self.changed.emit()

    # -- trying ---------------------------------------------------------------------------

    def weigh(self, place: int, weight: float) -> None:
        """Try another weight of a member."""
        self.tried.weigh(place, weight, self.organ, only=self.only_organ)
        self._on_tried()

    def switch(self, place: int, on: bool) -> None:
        """Try the mix with a member, or without it."""
        self.tried.switch(place, on, self.organ, only=self.only_organ)
        self._on_tried()

    def reset(self) -> None:
        """Back to what the ensemble's file says."""
        self.tried.reset()
        self._on_tried()

    def _on_tried(self) -> None:
        self._remix()
        self.changed.emit()

    @property
    def unwritten(self) -> list[int]:
        """Members whose tried weight is not in the ensemble's file."""
        now = self.tried.settings
        if self._written is None:
            return self.tried.changed()
        return [place for place, one in enumerate(now) if one != self._written[place]]

    @property
    def is_outdated(self) -> bool:
        """Whether the ensemble's file says another mix than made the shown predictions."""
        if self.found is None:
            return False
        if self._written is None:
            return not self.found.is_theirs
        return not self.found.is_theirs or self._written != self.tried.own

    @property
    def is_mix(self) -> bool:
        """Whether the open case's prediction is another mix than the one that is kept."""
        return self.found is not None and (bool(self.tried.changed()) or not self.found.is_theirs)

    @property
    def is_partial(self) -> bool:
        """Whether the open case has no prediction yet, only some members' mix."""
        shown, here = self.session.predictions, self.session.open
        return shown is not None and here is not None and shown.stamp(here.id) is None

    @property
    def kept_cases(self) -> tuple[str, ...]:
        """Cases that members' opinions are kept of, in the cohort's order."""
        if self._folder is None or self.session.cohort is None:
            return ()
        there = KeptOpinions(self._folder).ids()
        return tuple(case_id for case_id in self.session.cohort.cases if case_id in there)

    def rows(self) -> list[Row]:
        """Every member, as it is tried on the open case."""
        if self.found is None:
            return []
        return rows(self.found.panel, self.tried, self.heard, self.mixed, self.organ)

    # -- mixing ---------------------------------------------------------------------------

    def _remix(self) -> None:
        """Mix the open case anew, one mix at a time: the last wish is the one that is shown."""
        self._refining.drop()
        here, found, heard = self.session.open, self.found, self.heard
        if here is None or found is None or heard is None or heard.case_id != here.id:
            return
        if self._mixing:
            self._stale = True
            return
        self._mixing = True
        work = Work(
            self.session.sources,
            here.loaded.case,
            found.panel,
            self.tried.settings,
            heard.opinions,
            here.loaded.truth,
            self.is_mix,
        )
        self._call(
            partial(remix, work), partial(self._put_mix, here.id, self._turn), self._fail_mix
        )

    def _put_mix(self, case_id: str, turn: int, made: Remixed) -> None:
        self._mixing, stale, self._stale = False, self._stale, False
        here = self.session.open
        if here is None or here.id != case_id or here.blind or turn != self._turn:
            self._remix()
            return
        self.mixed, self.before, self.problem, self.refined = made.mixed, made.before, "", None
        self._show(here.id, made.predicted, of_some=made.is_of_some)
        if stale:
            self._remix()
        else:
            self._refine(here, made)
        self.changed.emit()

    def _refine(self, here: OpenCase, made: Remixed) -> None:
        """Have the mix refined as `predict` would, once weights have come to rest."""
        case, predicted = here.loaded.case, made.predicted
        assert self.found is not None
        crf = self.found.panel.ensemble.crf_for(case.organ)
        if crf is None or predicted is None or not (self.is_mix and made.is_whole_mix):
            return
        self.refined = False
        wish = Wish(self.session.sources, case, predicted.prediction, crf)
        self._refining.ask(wish, partial(self._put_refined, here.id), self.fail)

    def _put_refined(self, case_id: str, predicted: Predicted) -> None:
        self.refined = True
        self._show(case_id, predicted)
        self.changed.emit()

    def _show(self, case_id: str, predicted: Predicted | None, *, of_some: bool = False) -> None:
        here = self.session.open
        assert here is not None
        before = None if here.predicted is None else here.predicted.prediction
        if predicted is None or (before is not None and equal(before, predicted.prediction)):
            return
        self._shown = predicted.prediction
        remixed = self.is_mix or of_some
        self.session.put_prediction(case_id, predicted, here.second, remixed=remixed)

    def _fail_mix(self, error: BaseException) -> None:
        self._mixing = self._stale = False
        self.mixed = None
        self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Tell why what was wanted of the members cannot be had."""
        self.problem = str(error)
        self.changed.emit()

    # -- keeping --------------------------------------------------------------------------

    @property
    def _names(self) -> list[str]:
        return [] if self.found is None else [one.name for one in self.found.panel.members]

    def _words_of(self, places: list[int]) -> list[str]:
        names, settings = self._names, self.tried.settings
        return [f"{short(names[place])} {_weights(settings[place])}" for place in places]

    def keep(self) -> None:
        """Remember on disk what is tried and not written; a refusal is told."""
        if self._folder is None or self.found is None:
            return
        trials = self.tried.trials(self._names) if self.unwritten else ()
        try:
            tried_weights.write(self._folder, trials)
        except PredictionError as error:
            self.session.told.emit(error)

    @property
    def why_not_write(self) -> str:
        """Why the tried weights cannot be written now; empty where they can."""
        if self.found is None:
            return "The ensemble's file is not known."
        if not any(self.tried.settings):
            return "No member is left."
        return "" if self.unwritten else "No weight differs from the ensemble's own."

    def write(self) -> str:
        """Write the tried weights into the ensemble's file; says what it now says.

        Raises
        ------
        SettingsError
            If it cannot be written.
        """
        found = self.found
        assert found is not None
        settings = self.tried.settings
        told = self._words_of(self.unwritten)
        path = ensemble_file.write_members(found.file, ensemble_of(found.panel, settings))
        self.found = replace(found, file=EnsembleFile(path, path))
        self._written = settings
        self.keep()
        self._note(path)
        self.changed.emit()
        return f"{self.found.file.name} now says: {', '.join(told)}."

    def _note(self, path: Path) -> None:
        """Have the file known as that of these predictions, though it says another mix now."""
        cohort, predictions = self.session.cohort, self.session.predictions
        assert cohort is not None
        assert predictions is not None
        self._hints[predictions.folder] = path
        self._call(
            partial(ensemble_file.note, cohort.folder, predictions, path),
            lambda _: None,
            self.session.told.emit,
        )

    def mix_all(self) -> None:
        """Have every case mixed as the file says, from the opinions that are kept."""
        if self.found is not None and self._folder is not None:
            wish = MixAll(self.found.file.path, self._folder, self.kept_cases)
            self.mix_wanted.emit(wish)


def _weights(settings: Member | None) -> str:
    if settings is None:
        return "is left out"
    organs = [f"{value:g} for {organ}" for organ, value in settings.weights_by_organ.items()]
    return f"weighs {', '.join([f'{settings.weight:g}', *organs])}"
