"""The use cases around a person's rights: a copy of all her data, and being forgotten.

Each is one write that asks (`domain/requests.py`), and events do the rest: intake answers for its own
part as every service does for its own, and hears the answers of all.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError

from services.intake.archive import archive
from services.intake.domain import journeys, life, requests
from services.intake.domain.heard import forget_waiting
from services.intake.domain.participant import Participant
from services.intake.domain.refusals import Forgotten, NobodyHere, NoSuchRequest
from services.intake.domain.requests import Kind, Request
from services.intake.hers import everything
from services.intake.store import Store
from shared.decisions import Decision, Refusal
from shared.events.rights import DoneState, ErasureCause
from shared.events.streams import CONTACTS, PARTICIPANTS
from shared.events.wire import Event
from shared.messaging.reactions import Effect
from shared.messaging.rights import open_part
from shared.runtime import Runtime
from shared.security.sealing import new_key_pair
from shared.storage.changes import Cause, Change, Outcome
from shared.storage.database import STORAGE_AWAY

_DUE_AT_ONCE: Final = 500
_LOOK_FOR_OLD_EVERY: Final = timedelta(days=1)
_LOOK_INTO_TOPICS_EVERY_S: Final = 6 * 3600.0

log = structlog.get_logger(__name__)


class DataRights:
    """Asking for one's data, or to be forgotten; and intake's own answer to both."""

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime
        self._looked_for_old_at: datetime | None = None

    # Asking -------------------------------------------------------------------------------------

    async def ask_for_export(self, participant_id: str, cause: Cause) -> Request | Refusal:
        """Begins to put a copy of all her data together. One at a time: who asks again waits on."""
        state = await self._person(participant_id)
        if isinstance(state, Refusal):
            return state
        for request in await self._store.requests_of(participant_id, Kind.EXPORT):
            if request.finished_at is None:
                return request
        private, public = new_key_pair()
        keys = private, base64.b64encode(public).decode()
        return await self._ask(
            Kind.EXPORT,
            lambda request_id: requests.ask_for_export(
                request_id, participant_id, state.programme, keys, cause.time
            ),
            participant_id,
            cause,
        )

    async def erase(
        self, participant_id: str, because: ErasureCause, cause: Cause
    ) -> Request | Refusal:
        """Everybody is asked to forget her; here she is forgotten at once.

        The request comes first: from then on she will be forgotten, whatever crashes.
        """
        state = await self._person(participant_id)
        if isinstance(state, Refusal):
            return state
        under_way = [
            request
            for request in await self._store.requests_of(participant_id, Kind.ERASURE)
            if request.finished_at is None and because is not ErasureCause.RESTORED
        ]
        request = (
            under_way[0]
            if under_way
            else await self._ask(
                Kind.ERASURE,
                lambda request_id: requests.ask_for_erasure(
                    request_id, participant_id, state.programme, because, cause.time
                ),
                participant_id,
                cause,
            )
        )
        await self.forget(participant_id, cause)
        return request

    async def _ask(
        self,
        kind: Kind,
        ask: Callable[[str], Decision[Request]],
        participant_id: str,
        cause: Cause,
    ) -> Request:
        request_id = self._runtime.ids.derived(
            "request", kind, participant_id, cause.time.isoformat()
        )
        asked = ask(request_id)
        change: Change[Request] = Change(
            request_id, lambda before: asked if before is None else None, cause
        )
        outcome = await self._store.requests.change_one(change)
        return outcome.state or asked.state

    async def _person(self, participant_id: str) -> Participant | Refusal:
        state = await self._store.participants.get(participant_id)
        if state is None:
            return NobodyHere()
        return Forgotten() if state.person is None else state

    # Looking ------------------------------------------------------------------------------------

    async def proof(self, request_id: str) -> Request | NoSuchRequest:
        """What became of an erasure; by its number, which only she and operators have."""
        request = await self._store.requests.get(request_id)
        if request is None or request.kind is not Kind.ERASURE:
            return NoSuchRequest("No erasure has this number; please look at its digits again.")
        return request

    async def requests(self, *, unfinished: bool, after: str, limit: int) -> list[Request]:
        """Requests in the order of their ids, from behind `after`."""
        return await self._store.page_of_requests(unfinished=unfinished, after=after, limit=limit)

    async def fetch(self, request_id: str, participant_id: str, locale: str) -> bytes | Refusal:
        """Her archive (ZIP), opened from the sealed pieces: nowhere is it kept in the open."""
        request = await self._store.requests.get(request_id)
        found = requests.sealed_pieces(request, participant_id)
        if isinstance(found, Refusal):
            return found
        key, pieces = found
        parts = {
            service.value: open_part(request_id, service, sealed, key)
            for service, sealed in pieces.items()
        }
        return await asyncio.to_thread(archive, parts, locale, self._runtime.clock.now())

    # Intake's own answer ------------------------------------------------------------------------

    async def gather(self, participant_id: str) -> Mapping[str, Sequence[Any]]:
        """Everything that intake holds about her."""
        state = await self._store.participants.get(participant_id)
        if state is None or state.person is None:
            return {}
        asked = await self._store.requests_of(participant_id)
        return {
            "participant": [everything(state, state.person)],
            "agreements": [
                asdict(match.agreed)
                for match in await self._store.matches_of(participant_id)
                if match.agreed is not None
            ],
            "requests": [
                {"number": each.request_id, "kind": each.kind, "requested_at": each.requested_at}
                for each in asked
            ],
        }

    async def forget(self, participant_id: str, cause: Cause) -> int:
        """Forgets her here. Her id stays, so that nothing brings her back."""
        (erased,) = await self._store.participants.change(
            [Change(participant_id, life.erase, cause)]
        )
        _raise(erased)
        traces = await self._store.participants.drop_traces([participant_id])
        matches = await self._store.matches_of(participant_id)
        for heard in await self._store.matches.change(
            [Change(each.match_id, journeys.forget, cause) for each in matches]
        ):
            _raise(heard)
        waited = await self._store.waiting.change_one(Change(participant_id, forget_waiting, cause))
        own = await self._store.requests_of(participant_id, Kind.EXPORT)
        for outcome in await self._store.requests.change(
            [
                Change(
                    each.request_id,
                    lambda state: requests.forget_request(state, cause.time),
                    cause,
                )
                for each in own
            ]
        ):
            _raise(outcome)
        return bool(erased.event_ids) + traces + len(matches) + bool(waited.state) + len(own)

    async def hear_answers(
        self, events: Sequence[Event[Any]], now: datetime
    ) -> list[Effect[Request]]:
        """Notes the services' answers with the requests."""
        return [
            Effect(event, self._store.requests, event.payload.request_id, _hearing(event, now))
            for event in events
            if isinstance(event.payload, DoneState)
        ]

    # Time, topics, backups ----------------------------------------------------------------------

    async def let_time_pass(self, now: datetime) -> datetime | None:
        """Asks again who is late with an answer, deletes what was kept for fetching, forgets the old."""
        late = [
            request
            for request in await self._store.requests_due(now, _DUE_AT_ONCE)
            if request.finished_at is None
        ]
        for request in late:
            log.error(
                "request_unfinished",
                request_id=request.request_id,
                kind=request.kind.value,
                missing=[service.value for service in request.missing],
            )
        await self._store.requests.wake(requests.on_time, now, _DUE_AT_ONCE)
        if self._looked_for_old_at is None or now - self._looked_for_old_at >= _LOOK_FOR_OLD_EVERY:
            await self._forget_whom_nobody_needs(now)
            self._looked_for_old_at = now
        return await self._store.requests.next_due(now)

    async def _forget_whom_nobody_needs(self, now: datetime) -> None:
        """Erases who left long ago, or never confirmed her address, by each programme's policy."""
        cause = Cause.due(now)
        programmes = await self._store.programmes.load(await self._store.programmes.ids({}))
        for name, programme in programmes.items():
            policy = programme.policy
            while old := await self._store.kept_long_enough(
                name,
                left_before=now - timedelta(days=policy.keep_left_days),
                registered_before=now - timedelta(days=policy.keep_unconfirmed_days),
                limit=_DUE_AT_ONCE,
            ):
                for participant_id in old:
                    await self.erase(participant_id, ErasureCause.RETENTION, cause)

    async def forget_again(self) -> None:
        """After a restore: whoever was erased after the backup is erased again, by everybody."""
        back = await self._store.participants.load(self._runtime.erased_in_topics)
        cause = Cause.due(self._runtime.clock.now())
        for participant_id, state in back.items():
            if state.person is not None:
                await self.erase(participant_id, ErasureCause.RESTORED, cause)

    async def watch_topics(self) -> None:
        """Looks now and then whether anything lies behind an erasure in the compacted topics."""
        while True:
            try:
                await self.repeat_last_words()
            except (KafkaError, *STORAGE_AWAY) as error:
                log.warning("topics_not_looked_into", error=type(error).__name__)
            await asyncio.sleep(_LOOK_INTO_TOPICS_EVERY_S)

    async def repeat_last_words(self) -> int:
        """Sends `.erased` again where compaction would keep something else. Of how many people.

        That happens when a process that was held up for long sends what others had sent before.
        """
        doubtful: set[str] = set()
        for stream in (PARTICIPANTS, CONTACTS):
            published = await self._runtime.read_published(stream)
            doubtful |= published.overtaken
            doubtful |= published.highest[stream.name].keys() - published.erased
        overtaken = await self._store.erased_among(doubtful)
        if overtaken:
            sent = await self._store.participants.resend(overtaken)
            await self._runtime.relay.flush()
            log.warning("last_words_repeated", people=sent)
        return len(overtaken)


def _hearing(event: Event[DoneState], now: datetime) -> Any:
    return lambda request: requests.hear_answer(request, event.payload, now)


def _raise(outcome: Outcome[Any]) -> None:
    if outcome.error is not None:
        raise outcome.error
