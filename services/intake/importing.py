"""A coordinator's spreadsheet: read in batches, registered as it is read, with a tally all the way.

To import the same file again registers nobody twice, so one that was cut off is simply sent again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from services.intake.domain.columns import FieldProblem, unknown_columns
from services.intake.domain.profile import Registration
from services.intake.domain.programme import Programme
from services.intake.domain.record import notices, read_record
from services.intake.domain.spreadsheet import RefusedField, Row
from services.intake.service import Intake
from shared.storage.changes import Cause

BATCH: Final = 500
MOST_NOTICES: Final = 5_000
"""Of what is registered all the same, so many remarks are told; the rest would not be read."""
_NOT_HER_CITY: Final = "This is not one of your cities; its own coordinator can bring her in."


@dataclass(slots=True)
class Tally:
    """What has come of the records so far. A record is registered, repeated or refused."""

    read: int = 0
    registered: int = 0
    repeated: int = 0
    refused: int = 0
    refusals: list[RefusedField] = field(default_factory=list)
    notices: list[RefusedField] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The four numbers."""
        return {
            "read": self.read,
            "registered": self.registered,
            "repeated": self.repeated,
            "refused": self.refused,
        }

    def report(self) -> dict[str, Any]:
        """The numbers, and each field that was refused or should be looked at."""
        return {
            **self.counts(),
            "refusals": [_shown(refused) for refused in self.refusals],
            "notices": [_shown(notice) for notice in self.notices],
        }


async def import_people(
    intake: Intake,
    programme: Programme,
    cities: frozenset[str] | None,
    rows: Iterator[Row],
    cause: Cause,
) -> AsyncIterator[Tally]:
    """Registers everybody in `rows`; yields the tally after each batch, and at least once.

    cities: where the coordinator may bring people in; None is everywhere.

    Raises `TableRefused` where the file cannot be read any further; what came before is registered.
    """
    tally = Tally()
    while True:
        batch = await asyncio.to_thread(_read, intake, programme, cities, rows, tally)
        if batch is None:
            if tally.read == 0:
                yield tally
            return
        for admission in await intake.admit(programme, batch, cause):
            tally.registered += admission.is_new
            tally.repeated += not admission.is_new
        # Nothing is read faster than it can be published: outboxes stay small.
        await intake.published()
        yield tally


async def preview_people(
    intake: Intake, programme: Programme, cities: frozenset[str] | None, rows: Iterator[Row]
) -> Tally:
    """What an import would come to, as things are now. Nothing is written. Raises `TableRefused`."""
    tally = Tally()
    seen: set[str] = set()
    while (
        batch := await asyncio.to_thread(_read, intake, programme, cities, rows, tally)
    ) is not None:
        identities = [
            intake.registrar.identity(programme.programme, each.role, each.email) for each in batch
        ]
        seen |= (await intake.store.ids_by_identity(identities)).keys()
        for identity in identities:
            tally.registered += identity not in seen
            tally.repeated += identity in seen
            seen.add(identity)
    return tally


def _read(
    intake: Intake,
    programme: Programme,
    cities: frozenset[str] | None,
    rows: Iterator[Row],
    tally: Tally,
) -> list[Registration] | None:
    """The good ones of the next records, those refused put down in the tally; None at the end."""
    records = list(islice(rows, BATCH))
    if not records:
        return None
    if tally.read == 0 and records[0].fields:
        _note(tally, Row(0, 1, {}), unknown_columns(records[0].fields))
    good: list[Registration] = []
    for row in records:
        read = row.refused or read_record(row.fields, intake.tables, programme.charters_in_force)
        if isinstance(read, Registration) and cities is not None and read.city not in cities:
            read = (FieldProblem("city", row.fields.get("city", ""), _NOT_HER_CITY),)
        if isinstance(read, Registration):
            good.append(read)
            _note(tally, row, notices(row.fields, intake.tables))
        else:
            tally.refused += 1
            tally.refusals += [_at(row, problem) for problem in read]
    tally.read += len(records)
    return good


def _note(tally: Tally, row: Row, remarks: tuple[FieldProblem, ...]) -> None:
    room = MOST_NOTICES - len(tally.notices)
    tally.notices += [_at(row, remark) for remark in remarks[:room]]


def _at(row: Row, problem: FieldProblem) -> RefusedField:
    return RefusedField(row.record, row.line, problem.field, problem.value, problem.reason)


def _shown(refused: RefusedField) -> dict[str, Any]:
    return {
        "record": refused.record,
        "line": refused.line,
        "field": refused.field,
        "value": refused.value,
        "reason": refused.reason,
    }
