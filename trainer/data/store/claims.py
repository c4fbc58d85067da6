"""Who has a case in hand: of the reviewers who share a store, one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from trainer.data.store.database import Database
from trainer.data.store.kept import user_name
from trainer.data.store.schema import claims
from trainer.errors import StoreError

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
    """

    case_id: str
    author: str
    holder: str
    until: datetime


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
        return _claim(row) if row.holder == self.holder else _taken(row)

    def renew(self, claim: Claim, lapse: timedelta = LAPSE) -> Claim:
        """Have a claim last as long again from now.

        Raises
        ------
        StoreError
            If it has lapsed and the case has been another's since, or is now: what was read of
            the case before may not be how it is. Or if the database cannot be asked.
        """
        until = self._database.clock() + lapse.total_seconds()
        with self._database.writing() as connection:
            check(connection, claim, self._database)
            renewed = claims.update().where(claims.c.case_id == claim.case_id)
            connection.execute(renewed.values(expires=until))
            return _claim(connection.execute(_of(claim.case_id)).one())

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
    """Refuse a writer whose case has been another's since the claim was given.

    A claim that lapsed without anybody taking the case is still good.
    """
    row = connection.execute(_of(claim.case_id)).first()
    if row is not None and row.holder == claim.holder:
        return
    now = connection.execute(sa.select(database.clock())).scalar_one()
    if row is None or row.expires <= now:
        problem = "your claim has lapsed, and the case has been another's since"
        remedy = "open it again, and see what they did"
    else:
        other = _taken(row)
        problem = f"{other.by} is at work on it until {other.until:%H:%M} UTC"
        remedy = "open another case, or wait"
    raise StoreError(problem, file=database.place, case=claim.case_id, remedy=remedy)


def _of(case_id: str) -> sa.Select[Any]:
    return sa.select(claims).where(claims.c.case_id == case_id)


def _claim(row: sa.Row[Any]) -> Claim:
    return Claim(row.case_id, row.author, row.holder, _time(row.expires))


def _taken(row: sa.Row[Any]) -> Taken:
    return Taken(row.case_id, row.author, _time(row.expires))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
