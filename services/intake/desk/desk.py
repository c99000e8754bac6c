"""The use cases of the coordinators' desk. Names and addresses come out of here and nowhere else.

What must stay true: contact data are shown only after it was put down who is shown whose (`Look`).
"""

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from services.intake.desk.looks import Looks
from services.intake.domain.desk import Draft, Look, Seen, Why, write_note
from services.intake.domain.participant import Contact, Participant
from services.intake.domain.programme import Programme
from services.intake.domain.refusals import NoSuchDraft
from services.intake.domain.spreadsheet import open_table
from services.intake.domain.staff import scope_of
from services.intake.importing import Tally, import_people, preview_people
from services.intake.service import Intake
from shared.decisions import Decision, Refusal
from shared.ids import Ids
from shared.security.scopes import Scope
from shared.storage.changes import Cause, Change, Outcome
from shared.web.access import Caller

MOST_DRAFT_BYTES: Final = 8 * 1024 * 1024
"""What is looked at before it is brought in; larger files go to `POST …/imports`."""


class Desk:
    """What coordinators do at their desk."""

    def __init__(self, intake: Intake, looks: Looks, ids: Ids) -> None:
        self._intake = intake
        self._looks = looks
        self._store = intake.store
        self._ids = ids

    # Who she is ---------------------------------------------------------------------------------

    async def scope_now(self, coordinator_id: str) -> Scope | None:
        """Whose people a coordinator sees at this moment; None if she is none any more."""
        coordinator = await self._store.coordinators.get(coordinator_id)
        if coordinator is None:
            return None
        return scope_of(coordinator, await self._store.programmes.get(coordinator.programme))

    def new_id(self) -> str:
        """For a form: what is sent twice with it is done once."""
        return self._ids.new()

    # Contact data -------------------------------------------------------------------------------

    async def names(
        self,
        caller: Caller,
        programme: Programme,
        people: Iterable[Participant],
        where: str,
        cause: Cause,
    ) -> Mapping[str, str]:
        """What these people are called, by id. That they were shown is put down first."""
        named = {
            each.participant_id: each.person.contact.name
            for each in people
            if each.person is not None
        }
        if named:
            await self._put_down(caller, programme, named, Seen.NAME, where, None, cause)
        return named

    async def contact(
        self, caller: Caller, programme: Programme, participant: Participant, why: Why, cause: Cause
    ) -> Contact | None:
        """How to reach her; None if she was forgotten. That it was shown is put down first."""
        if participant.person is None:
            return None
        whom = [participant.participant_id]
        await self._put_down(caller, programme, whom, Seen.ADDRESS, "contact", why, cause)
        return participant.person.contact

    async def _put_down(
        self,
        caller: Caller,
        programme: Programme,
        people: Iterable[str],
        seen: Seen,
        where: str,
        why: Why | None,
        cause: Cause,
    ) -> None:
        look = Look(
            look_id=self._ids.new(),
            programme=programme.programme,
            by=caller.name,
            role=caller.role.value,
            people=tuple(sorted(people)),
            seen=seen,
            where=where,
            why=why,
            at=cause.time,
        )
        await self._looks.put_down(look)

    async def looks(
        self, programme: str, participant: str | None, after: int, limit: int
    ) -> list[tuple[int, Look]]:
        """Who was shown whose contact data, from behind a position on."""
        return await self._looks.of(programme, participant=participant, after=after, limit=limit)

    # Notes --------------------------------------------------------------------------------------

    async def note(
        self, caller: Caller, participant_id: str, note_id: str, text: str, cause: Cause
    ) -> Outcome[Participant]:
        """She notes something about somebody."""
        return await self._store.participants.change_one(
            Change(
                participant_id,
                lambda state: write_note(state, note_id, caller.name, text, cause.time),
                cause,
            )
        )

    # Spreadsheets -------------------------------------------------------------------------------

    async def look_at_file(
        self,
        caller: Caller,
        programme: Programme,
        filename: str,
        content: bytes,
        cause: Cause,
    ) -> tuple[str, Tally]:
        """Reads a spreadsheet and keeps it for an hour; nobody is registered yet.

        Raises `TableRefused`.
        """
        draft = Draft(
            draft_id=self._ids.new(),
            programme=programme.programme,
            by=caller.name,
            filename=filename,
            content=base64.b64encode(content).decode(),
            made_at=datetime.now(UTC),
        )
        tally = await self._previewed(caller, programme, draft)
        await self._store.drafts.change_one(
            Change(draft.draft_id, lambda _: Decision(draft), cause)
        )
        return draft.draft_id, tally

    async def look_again(
        self, caller: Caller, programme: Programme, draft_id: str
    ) -> Tally | Refusal:
        """What a kept spreadsheet would come to. Raises `TableRefused`."""
        draft = await self._draft(caller, programme, draft_id)
        if isinstance(draft, Refusal):
            return draft
        return await self._previewed(caller, programme, draft)

    async def bring_in(
        self, caller: Caller, programme: Programme, draft_id: str, cause: Cause
    ) -> Tally | Refusal:
        """Registers everybody in a kept spreadsheet, and forgets the file. Raises `TableRefused`."""
        draft = await self._draft(caller, programme, draft_id)
        if isinstance(draft, Refusal):
            return draft
        tally = Tally()
        async for tally in self._importing(caller, programme, draft, cause):  # noqa: B007
            pass
        done = replace(draft, content="")
        await self._store.drafts.change_one(Change(draft_id, lambda _: Decision(done), cause))
        return tally

    def _importing(
        self, caller: Caller, programme: Programme, draft: Draft, cause: Cause
    ) -> AsyncIterator[Tally]:
        rows = open_table(draft.file(), draft.filename)
        return import_people(self._intake, programme, caller.scope.cities, rows, cause)

    async def _previewed(self, caller: Caller, programme: Programme, draft: Draft) -> Tally:
        rows = open_table(draft.file(), draft.filename)
        return await preview_people(self._intake, programme, caller.scope.cities, rows)

    async def _draft(
        self, caller: Caller, programme: Programme, draft_id: str
    ) -> Draft | NoSuchDraft:
        draft = await self._store.drafts.get(draft_id)
        if (
            draft is None
            or not draft.content
            or (draft.by, draft.programme) != (caller.name, programme.programme)
        ):
            return NoSuchDraft()
        return draft
