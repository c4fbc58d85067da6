"""Who has a case in hand: of the reviewers who share a store, one at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from trainer.data.store.database import Database
from trainer.data.store.kept import user_name
from trainer.data.store.revisions import newest
from trainer.data.store.schema import claims
from trainer.errors import ClaimError

LAPSE = timedelta(minutes=15)
"""After which a claim that nobody renewed is void: whoever held it has gone home, or crashed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The sole right to change a case, for a while.

    Attributes
    ----------
    holder
        Of all programs, the one that has it.
    until
        In UTC, by the database's clock.
    seen
        Of the case's newest revision when it was taken; None where there was none.
    """

    case_id: str
    author: str
    holder: str
    until: datetime
    seen: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody else's claim.

    Attributes
    ----------
    until
        In UTC, by the database's clock, unless they renew it.
    """

    case_id: str
    by: str
    until: datetime


class Claims:
    """Claims in a store; unlike reviewers' work, they go when they are over.

    Parameters
    ----------
    database
        Of the store.
    holder
        A name of this program that no other one has. One that is the same after a restart
        keeps its claims across it; where not given, it is a new one.
    """

    def __init__(self, database: Database, holder: str | None = None) -> None:
        self._database = database
        self.holder = holder or uuid4().hex

    def take(
        self, case_id: str, author: str | None = None, lapse: timedelta = LAPSE
    ) -> Claim | Taken:
        """Claim a case, or tell who has it; one's own claim is renewed.

        Raises
        ------
        StoreError
            If the database cannot be asked.
        """
        now = self._database.clock()
        mine = {"author": author or user_name(), "holder": self.holder, "taken": now}
        mine["expires"] = now + lapse.total_seconds()
        if self._database.shared:  # loaded by need: windows on a file open without it
            from sqlalchemy.dialects.postgresql import insert
        else:
            from sqlalchemy.dialects.sqlite import insert
        free = sa.or_(claims.c.expires <= now, claims.c.holder == self.holder)
        statement = insert(claims).values(case_id=case_id, **mine)
        statement = statement.on_conflict_do_update(
            index_elements=[claims.c.case_id], set_=mine, where=free
        )
        with self._database.writing() as connection:
            connection.execute(statement)
            row = connection.execute(_of(case_id)).one()
            last = newest(connection, case_id)
        if row.holder != self.holder:
            return _taken(row)
        until, seen = _time(row.expires), None if last is None else last.id
        return Claim(case_id, row.author, row.holder, until, seen)

    def renew(self, claim: Claim, lapse: timedelta = LAPSE) -> Claim:
        """Have a claim last as long again from now; one that was given back stays so.

        Raises
        ------
        StoreError
            If the case is another's by now, or was and they have changed it: what was read of
            it before is not how it is. Or if the database cannot be asked.
        """
        own = sa.and_(claims.c.case_id == claim.case_id, claims.c.holder == claim.holder)
        until = self._database.clock() + lapse.total_seconds()
        with self._database.writing() as connection:
            check(connection, claim, self._database)
            connection.execute(claims.update().where(own).values(expires=until))
            row = connection.execute(sa.select(claims).where(own)).first()
        return claim if row is None else replace(claim, until=_time(row.expires))

    def release(self, claim: Claim) -> None:
        """Give a case back; a claim that is another's by now stays theirs.

        Raises
        ------
        StoreError
            If the database cannot be asked.
        """
        own = sa.and_(claims.c.case_id == claim.case_id, claims.c.holder == claim.holder)
        with self._database.writing() as connection:
            connection.execute(claims.delete().where(own))

    def others(self) -> dict[str, Taken]:
        """Case id to the claim that somebody else has on it now.

        Raises
        ------
        StoreError
            If the database cannot be asked.
        """
        now = self._database.clock()
        theirs = sa.and_(claims.c.holder != self.holder, claims.c.expires > now)
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(claims).where(theirs)).all()
        return {row.case_id: _taken(row) for row in rows}


def check(connection: sa.Connection, claim: Claim, database: Database) -> None:
    """Refuse a writer whose case is another's, or has been changed by another since.

    A claim that lapsed, or that was given back while a save was on its way, is still good as
    long as nobody else came.
    """
    row = connection.execute(_of(claim.case_id)).first()
    if row is not None and row.holder == claim.holder:
        return
    now = connection.execute(sa.select(database.clock())).scalar_one()
    if row is not None and row.expires > now:
        other = _taken(row)
        problem = f"{other.by} is at work on it until {other.until:%H:%M} UTC"
        remedy = "open another case, or wait"
    else:
        last = newest(connection, claim.case_id)
        if last is None or last.id == claim.seen or last.author == claim.author:
            return
        problem = f"your claim has lapsed, and {last.author} has changed it since"
        remedy = "open it again, and see what they did"
    raise ClaimError(problem, file=database.place, case=claim.case_id, remedy=remedy)


def _of(case_id: str) -> sa.Select[Any]:
    return sa.select(claims).where(claims.c.case_id == case_id)


def _taken(row: sa.Row[Any]) -> Taken:
    return Taken(row.case_id, row.author, _time(row.expires))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
