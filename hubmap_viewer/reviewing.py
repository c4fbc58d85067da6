"""What the review dock shows beside the session: queue, findings, tags and small pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from hubmap_viewer.case_queue import CaseQueue
from hubmap_viewer.deciding import Deciding
from hubmap_viewer.finding_list import Call, FindingList
from hubmap_viewer.session import Session
from hubmap_viewer.tagging import Tagging
from hubmap_viewer.thumbnails import Thumbnails


@dataclass(frozen=True, slots=True)
class Reviewing:
    """The models of one session's review."""

    queue: CaseQueue
    findings: FindingList
    deciding: Deciding
    tags: Tagging
    thumbnails: Thumbnails

    @classmethod
    def of(cls, session: Session, call: Call, post: Callable[[Callable[[], None]], None]) -> Self:
        """Made for a session; `call` works beside the window and `post` brings results back."""
        findings = FindingList(session, call)
        tags = Tagging(session, call)
        deciding = Deciding(session, findings)
        return cls(CaseQueue(session), findings, deciding, tags, Thumbnails(session, post))
