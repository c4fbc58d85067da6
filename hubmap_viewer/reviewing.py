"""What the review dock shows beside the session: queue, findings, tags and small pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from hubmap_viewer.case_queue import CaseQueue
from hubmap_viewer.deciding import Deciding
from hubmap_viewer.finding_list import Call, FindingList
from hubmap_viewer.session import Session
from hubmap_viewer.suggesting import Suggesting
from hubmap_viewer.tagging import Tagging
from hubmap_viewer.thumbnails import Thumbnails

Later = Callable[[Callable[[], None]], None]
"""Has a function be called in the window's thread, soon."""


@dataclass(frozen=True, slots=True)
class Reviewing:
    """The models of one session's review."""

    queue: CaseQueue
    findings: FindingList
    deciding: Deciding
    tags: Tagging
    thumbnails: Thumbnails

    @classmethod
    def of(cls, session: Session, call: Call, post: Later, when_drawn: Later) -> Self:
        """Made for a session.

        Parameters
        ----------
        session
            Whose cases are reviewed.
        call
            Works beside the window.
        post
            Brings results back.
        when_drawn
            Calls what comes after the drawing of what has just changed.
        """
        findings = FindingList(session, call)
        tags = Tagging(session, call)
        deciding = Deciding(session, findings, Suggesting(session, call), when_drawn)
        return cls(CaseQueue(session), findings, deciding, tags, Thumbnails(session, post))
