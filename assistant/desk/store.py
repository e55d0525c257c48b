"""The desk's cases and decisions in SQL, on the catalogue's own engine. Right with any number of processes:

a case is taken from open to decided by one conditional update, so of two stylists who decide it one is told who was
first; decisions are only ever added, so what they say is read again whenever their number has changed.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Text, and_, cast, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from assistant.desk import decisions as rules
from assistant.desk.cases import NewCase, disagree
from assistant.desk.decisions import UNDO, Decision, Wanted
from assistant.rulings import Book, Rulings
from retrieval.catalogue import Catalogue, chunks
from retrieval.errors import InvalidInput
from retrieval.items import Garment, Slot
from retrieval.tables import desk_cases as cases
from retrieval.tables import desk_decisions as decisions
from retrieval.tables import desk_feedback as feedback

STATES = ("open", "approved", "rejected", "settled")
_DECIDED = {"approve": "approved", "replace": "approved", "reject": "rejected"}
_MOST_AT_ONCE = 200
_COLUMNS = ("id", "kind", "state", "reference", "category", "gender", "slot", "skus", "answer", "p_yes", "model", "is_contested",
            "complaints", "praise", "times_seen", "answer_id", "crop", "data", "made_at", "decision_id")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is kept; `data` is described in `assistant.desk.cases`, times are UTC."""

    id: int
    kind: str
    state: str
    reference: str
    category: str
    gender: str | None
    slot: str | None
    skus: tuple[str, ...]
    answer: str
    p_yes: float | None
    model: str
    is_contested: bool
    complaints: int
    praise: int
    times_seen: int
    answer_id: str
    crop: str | None
    data: dict[str, Any]
    made_at: datetime
    decision_id: int | None

    @property
    def pieces(self) -> list[tuple[str, Slot]]:
        return [(piece["sku"], Slot(piece["slot"])) for piece in self.data["pieces"]]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases: each condition that is None holds for all. `text` is looked for in skus, category and kind of garment."""

    state: str | None = "open"
    kind: str | None = None
    contested: bool | None = None
    complaints: bool | None = None
    category: str | None = None
    gender: str | None = None
    slot: str | None = None
    answer: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision about several cases: those decided, and who was first at the others."""

    batch: str
    decided: tuple[Decision, ...]
    late: tuple[tuple[int, str], ...]  # case, and who decided it before
    settled: int  # other cases that this answered too


class AlreadyDecided(InvalidInput):
    """Somebody else was first, or took it back already."""

    code = "already_decided"


class DeskStore:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._book, self._version = Book(), (0, 0)
        self._lock = threading.Lock()

    # --- for the main path --------------------------------------------------------------------------------------------

    def rulings(self, garment: Garment) -> Rulings:
        """What holds for this garment now, whichever process it was decided in."""
        return self.book().for_garment(garment)

    def book(self) -> Book:
        with self._catalogue.reading() as connection:
            # Both: rows of transactions that began earlier may come to sight later, under smaller numbers.
            version = tuple(connection.execute(select(func.coalesce(func.max(decisions.c.id), 0), func.count())
                                               .select_from(decisions)).one())  # fmt: skip
            with self._lock:
                if version == self._version:
                    return self._book
            rows = connection.execute(_IN_FORCE.with_only_columns(decisions.c.rules)).scalars().all()
        book = Book.of(rules.of_data(one) for row in rows for one in row)
        with self._lock:
            self._book, self._version = book, version
        return book

    # --- cases --------------------------------------------------------------------------------------------------------

    def add(self, new: Sequence[NewCase], crop: str | None = None) -> list[int]:
        """Keep these cases of one answer, and give their ids. One that is kept already is counted once more."""
        answer_id = secrets.token_hex(16)
        with self._catalogue.writing() as connection:
            return [self._add(connection, case, crop, answer_id) for case in new]

    def _add(self, connection: Connection, case: NewCase, crop: str | None, answer_id: str) -> int:
        row = {
            "digest": case.digest, "kind": case.kind, "state": "open", "reference": case.reference,
            "category": case.garment.attributes.category or "", "gender": case.garment.attributes.gender,
            "slot": case.slot, "skus": list(case.skus), "answer": str(case.verdict.answer), "p_yes": case.verdict.p_yes,
            "model": case.verdict.model, "is_contested": int(case.is_contested), "complaints": 0, "praise": 0,
            "times_seen": 1, "answer_id": answer_id, "crop": crop, "data": case.data, "made_at": now(),
        }  # fmt: skip
        try:
            with connection.begin_nested():
                return connection.execute(insert(cases).values(row)).inserted_primary_key[0]
        except IntegrityError:  # kept already; a case without a picture gets one while it is open
            same = cases.c.digest == case.digest
            connection.execute(update(cases).where(same).values(times_seen=cases.c.times_seen + 1))
            if crop is not None:
                connection.execute(update(cases).where(same, cases.c.state == "open").values(crop=crop))
            return connection.execute(select(cases.c.id).where(same)).scalar_one()

    def cases(self, which: Filter = Filter(), *, limit: int = 20, after: int | None = None) -> list[Case]:
        """Cases in the order of the queue (contested first, then the oldest), those after case `after`."""
        statement = select(*_SELECTED).where(*_conditions(which)).order_by(cases.c.is_contested.desc(), cases.c.id)
        with self._catalogue.reading() as connection:
            if after is not None:
                place = connection.execute(select(cases.c.is_contested).where(cases.c.id == after)).scalar()
                if place is not None:
                    later = and_(cases.c.is_contested == place, cases.c.id > after)
                    statement = statement.where(or_(cases.c.is_contested < place, later))
            return [_case(row) for row in connection.execute(statement.limit(limit))]

    def newest_of_photos(self, limit: int) -> list[Case]:
        """The newest case of each shopper's garment by its kind, the newest first."""
        is_photo = cases.c.reference.startswith("kind:", autoescape=True)
        newest = select(func.max(cases.c.id)).where(is_photo).group_by(cases.c.reference).scalar_subquery()
        with self._catalogue.reading() as connection:
            rows = connection.execute(select(*_SELECTED).where(cases.c.id.in_(newest)).order_by(cases.c.id.desc()).limit(limit))
            return [_case(row) for row in rows]

    def case(self, case_id: int) -> Case | None:
        with self._catalogue.reading() as connection:
            row = connection.execute(select(*_SELECTED).where(cases.c.id == case_id)).first()
        return None if row is None else _case(row)

    def count(self, which: Filter = Filter()) -> int:
        with self._catalogue.reading() as connection:
            return connection.execute(select(func.count()).select_from(cases).where(*_conditions(which))).scalar_one()

    def progress(self) -> dict[str, int]:
        """How many cases there are by state, and of the open ones by what they are."""
        states = dict.fromkeys(STATES, 0)
        with self._catalogue.reading() as connection:
            for state, number in connection.execute(select(cases.c.state, func.count()).group_by(cases.c.state)):
                states[state] = number
            is_open = cases.c.state == "open"
            kinds = dict(connection.execute(select(cases.c.kind, func.count()).where(is_open).group_by(cases.c.kind)).all())
            contested = connection.execute(
                select(func.count()).select_from(cases).where(is_open, cases.c.is_contested == 1)
            ).scalar_one()
        return {**states, "looks": kinds.get("look", 0), "pairs": kinds.get("pair", 0), "contested": contested}

    def categories(self) -> list[str]:
        """Categories of garments that there are cases about."""
        with self._catalogue.reading() as connection:
            return list(connection.execute(select(cases.c.category).distinct().order_by(cases.c.category)).scalars())

    def keep_orders(self, case_id: int, swapped: dict[str, float | None]) -> None:
        """Keep what the model says of pieces (by sku) with the pictures swapped; where it wavers, the case is contested."""
        with self._catalogue.writing() as connection:
            row = connection.execute(select(cases.c.data, cases.c.is_contested).where(cases.c.id == case_id)).one()
            pieces = [
                {**p, "p_yes_swapped": swapped[p["sku"]]} if p["sku"] in swapped else p for p in row.data["pieces"]
            ]
            wavers = any(disagree((p["p_yes"], p["p_yes_swapped"])) for p in pieces)
            values = {"data": {**row.data, "pieces": pieces}, "is_contested": int(row.is_contested or wavers)}
            connection.execute(update(cases).where(cases.c.id == case_id).values(values))

    # --- decisions ----------------------------------------------------------------------------------------------------

    def decide(self, case_ids: Sequence[int], wanted: Wanted, key_id: str | None = None) -> Outcome:
        """Decide open cases, all in one transaction. Raises InvalidInput for a case that is not there."""
        if len(case_ids) > _MOST_AT_ONCE:
            raise InvalidInput(f"{len(case_ids)} cases at once: at most {_MOST_AT_ONCE}")
        batch, done, late, settled = secrets.token_hex(16), [], [], 0
        with self._catalogue.writing() as connection:
            for case_id in dict.fromkeys(case_ids):
                row = connection.execute(select(*_SELECTED).where(cases.c.id == case_id)).first()
                if row is None:
                    raise InvalidInput(f"there is no case {case_id}")
                case = _case(row)
                ruled = rules.rules_of(case.kind, case.reference, case.pieces, wanted)
                taken = connection.execute(
                    update(cases).where(cases.c.id == case_id, cases.c.state == "open").values(state=_DECIDED[wanted.act])
                ).rowcount
                if not taken:
                    late.append((case_id, self._decided_by(connection, case_id)))
                    continue
                decision = self._record(connection, case_id, batch, wanted, key_id, [rules.as_data(one) for one in ruled])
                connection.execute(update(cases).where(cases.c.id == case_id).values(decision_id=decision.id))
                done.append(decision)
                for other in connection.execute(
                    select(cases.c.id, cases.c.kind, cases.c.skus).where(
                        cases.c.reference == case.reference, cases.c.state == "open", cases.c.id.not_in(case_ids)
                    )
                ).all():
                    if rules.settles(ruled, other.kind, frozenset(other.skus)):
                        settled += connection.execute(
                            update(cases).where(cases.c.id == other.id, cases.c.state == "open")
                            .values(state="settled", decision_id=decision.id)
                        ).rowcount  # fmt: skip
        return Outcome(batch, tuple(done), tuple(late), settled)

    def undo(self, batch: str, who: str, key_id: str | None = None) -> tuple[Decision, ...]:
        """Take back everything that was decided in one go; its cases are open again. Raises AlreadyDecided."""
        if not who.strip() or len(who) > rules.MOST_WHO:
            raise InvalidInput(f"who {who[:40]!r}: expected the stylist's name, 1 to {rules.MOST_WHO} characters")
        new_batch = secrets.token_hex(16)
        with self._catalogue.writing() as connection:
            rows = connection.execute(_IN_FORCE.where(decisions.c.batch == batch)).all()
            if not rows:
                raise AlreadyDecided(f"there is nothing to take back in {batch[:40]!r}: it was taken back before, or never made")
            done = []
            for row in rows:
                values = {"case_id": row.case_id, "batch": new_batch, "act": UNDO, "who": who.strip(), "key_id": key_id,
                          "at": now(), "reason": None, "words": "", "sku": None, "instead": None, "undoes": row.id,
                          "rules": []}  # fmt: skip
                try:
                    with connection.begin_nested():
                        number = connection.execute(insert(decisions).values(values)).inserted_primary_key[0]
                except IntegrityError as error:
                    raise AlreadyDecided("somebody else took that decision back at this moment") from error
                connection.execute(
                    update(cases).where(cases.c.decision_id == row.id).values(state="open", decision_id=None)
                )
                done.append(_decision({**values, "id": number}))
        return tuple(done)

    def _record(
        self, connection: Connection, case_id: int, batch: str, wanted: Wanted, key_id: str | None, ruled: list[dict]
    ) -> Decision:
        values = {
            "case_id": case_id, "batch": batch, "act": wanted.act, "who": wanted.who.strip(), "key_id": key_id, "at": now(),
            "reason": wanted.reason, "words": wanted.words, "sku": wanted.sku, "instead": wanted.instead, "undoes": None,
            "rules": ruled,
        }  # fmt: skip
        number = connection.execute(insert(decisions).values(values)).inserted_primary_key[0]
        return _decision({**values, "id": number})

    def _decided_by(self, connection: Connection, case_id: int) -> str:
        mine = decisions.c.id == select(cases.c.decision_id).where(cases.c.id == case_id).scalar_subquery()
        return connection.execute(select(decisions.c.who).where(mine)).scalar() or ""

    def record(self, *, batch: int = 500, in_force: bool = False) -> Iterator[tuple[Decision, Case]]:
        """Every decision with its case, the oldest first; `in_force` leaves out what was taken back, and taking back."""
        last = 0
        while True:
            with self._catalogue.reading() as connection:
                base = _IN_FORCE if in_force else select(decisions).order_by(decisions.c.id)
                rows = connection.execute(base.where(decisions.c.id > last).limit(batch)).mappings().all()
                if not rows:
                    return
                last, found = rows[-1]["id"], {}
                for part in chunks(list({row["case_id"] for row in rows})):
                    found |= {r.id: _case(r) for r in connection.execute(select(*_SELECTED).where(cases.c.id.in_(part)))}
            yield from ((_decision(row), found[row["case_id"]]) for row in rows)

    def decisions(self, ids: Sequence[int]) -> dict[int, Decision]:
        """Decisions by their number."""
        with self._catalogue.reading() as connection:
            rows = connection.execute(select(decisions).where(decisions.c.id.in_(list(ids)))).mappings().all()
        return {row["id"]: _decision(row) for row in rows}

    def last_batch(self, who: str) -> str | None:
        """What this stylist decided last and did not take back."""
        with self._catalogue.reading() as connection:
            own = _IN_FORCE.with_only_columns(decisions.c.batch).where(decisions.c.who == who).order_by(None)
            return connection.execute(own.order_by(decisions.c.id.desc()).limit(1)).scalar()

    # --- what shoppers say --------------------------------------------------------------------------------------------

    def say(self, case_id: int, rating: str, words: str, key_id: str | None = None) -> int:
        """Keep a shopper's opinion. A complaint makes an open case contested. Gives the opinion's number."""
        values = {"case_id": case_id, "rating": rating, "words": words, "key_id": key_id, "at": now()}
        column = cases.c.complaints if rating == "down" else cases.c.praise
        changed: dict[str, Any] = {column.name: column + 1}
        if rating == "down":
            changed["is_contested"] = 1
        with self._catalogue.writing() as connection:
            connection.execute(update(cases).where(cases.c.id == case_id).values(changed))
            return connection.execute(insert(feedback).values(values)).inserted_primary_key[0]

    def opinions(self, case_id: int) -> list[tuple[str, str, datetime]]:
        """Rating, words and time of what was said of a case, the newest first."""
        with self._catalogue.reading() as connection:
            own = select(feedback.c.rating, feedback.c.words, feedback.c.at).where(feedback.c.case_id == case_id)
            return [tuple(row) for row in connection.execute(own.order_by(feedback.c.id.desc()).limit(50))]

    def answers(self, limit: int = 1_000) -> list[dict[str, Any]]:
        """The traces of the newest answers, one each, the newest first."""
        newest = select(func.max(cases.c.id)).group_by(cases.c.answer_id).scalar_subquery()
        with self._catalogue.reading() as connection:
            rows = connection.execute(
                select(cases.c.data).where(cases.c.id.in_(newest)).order_by(cases.c.id.desc()).limit(limit)
            ).scalars()
            return [data["trace"] for data in rows if data["trace"]["steps"]]


_SELECTED = tuple(cases.c[name] for name in _COLUMNS)
_UNDONE = select(decisions.c.undoes).where(decisions.c.undoes.is_not(None))
_IN_FORCE = (
    select(decisions)
    .where(decisions.c.undoes.is_(None), decisions.c.id.not_in(_UNDONE))
    .order_by(decisions.c.id)
)


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _case(row: Row) -> Case:
    case = Case(*row)
    return replace(case, skus=tuple(case.skus), is_contested=bool(case.is_contested))


def _decision(row: Any) -> Decision:
    return Decision(**{name: row[name] for name in Decision.__dataclass_fields__})


def _conditions(which: Filter) -> list[Any]:
    found: list[Any] = [
        cases.c[name] == getattr(which, name)
        for name in ("state", "kind", "category", "gender", "slot", "answer")
        if getattr(which, name) is not None
    ]
    if which.contested is not None:
        found.append(cases.c.is_contested == int(which.contested))
    if which.complaints is not None:
        found.append(cases.c.complaints > 0 if which.complaints else cases.c.complaints == 0)
    if which.text:
        words = which.text.lower()
        in_skus = func.lower(cast(cases.c.skus, Text)).contains(words, autoescape=True)
        found.append(or_(func.lower(cases.c.reference).contains(words, autoescape=True), in_skus))
    return found

