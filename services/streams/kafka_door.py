"""The door to Kafka itself: each grant that has a topic gets it filled with what it may see, in order.

Which grants those are Kafka says: an operator makes the topic (see `kafka_access`), and what has one is
written. What must stay true: a record carries its journal position, positions rise, and writing goes on
behind the last record that the topic holds; so a restart repeats nothing and leaves nothing out. (Of two
writers, of whom one has lost its lease without knowing, a reader drops what is not above the last position.)
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.streams.domain.grants import Grant
from services.streams.domain.projection import Projected
from services.streams.following import Following
from services.streams.kafka_access import TOPIC_PREFIX, KafkaAccess, name_of
from services.streams.leased import Leased
from services.streams.projecting import Projections
from services.streams.store.grants import Grants
from services.streams.store.journal import Journal
from services.streams.store.topics import Topics
from services.streams.tail import Tail
from shared.events.wire import encode_headers
from shared.messaging.broker import make_producer
from shared.storage.database import STORAGE_AWAY
from shared.storage.leases import Lease

POSITION: Final = "ce_position"
_ID: Final = "ce_id"
_LOOK_EVERY_S: Final = 5.0
_WRITTEN_AT_ONCE: Final = 500
_WAIT_S: Final = 1.0
_ASK_AGAIN_S: Final = 60.0
_PAUSE_S: Final = 2.0
_LAST_RECORD_WITHIN_MS: Final = 10_000
_STOP_WITHIN_S: Final = 4.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Written:
    """How far a topic is written: the journal position of the last event, and its id if it is still there."""

    position: int
    event_id: str | None = None


class KafkaDoor:
    """Fills the topics of the grants whose leases this process gets."""

    def __init__(
        self,
        servers: Sequence[str],
        topics: Topics,
        grants: Grants,
        journal: Journal,
        projections: Projections,
        tail: Tail,
        stopping: asyncio.Event,
        *,
        holder: str,
        lease: timedelta,
    ) -> None:
        self._servers = list(servers)
        self._client_id = f"streams-door-{holder}"
        self._topics = topics
        self._grants = grants
        self._journal = journal
        self._projections = projections
        self._tail = tail
        self._stopping = stopping
        self._in_force: Mapping[str, Grant] = {}
        self._producer: AIOKafkaProducer | None = None
        self._leased = Leased(
            lambda grant_id, ttl: topics.lease(grant_id, holder, ttl), self._fill, lease
        )

    async def run(self) -> None:
        """From start to stop; for nothing as long as the brokers know no rights."""
        while not await self._may_open():  # noqa: ASYNC110  (brokers tell nobody)
            await asyncio.sleep(_ASK_AGAIN_S)
        self._producer = make_producer(self._servers, self._client_id)
        await self._producer.start()
        try:
            while True:
                try:
                    await self._look()
                except (*STORAGE_AWAY, KafkaError) as error:
                    log.warning("kafka_door_waits", error=type(error).__name__)
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            await self._leased.stop(_STOP_WITHIN_S)
            await self._producer.stop()

    async def _may_open(self) -> bool:
        access = KafkaAccess({"bootstrap.servers": ",".join(self._servers)})
        if await asyncio.to_thread(access.has_rights):
            return True
        log.error(
            "kafka_door_stays_shut",
            why="the brokers know no rights (no authorizer): every reader could read every grant",
        )
        return False

    async def _look(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, client_id=self._client_id)
        try:
            await admin.start()
            names = {name for name in await admin.list_topics() if name.startswith(TOPIC_PREFIX)}
        finally:
            await admin.close()
        in_force = await self._grants.in_force() if names else []
        self._in_force = {
            grant.grant_id: grant for grant in in_force if name_of(grant.grant_id) in names
        }
        await self._leased.look(self._in_force.keys())

    # One grant ----------------------------------------------------------------------------------

    async def _fill(self, grant_id: str, _: Lease) -> None:
        while (grant := self._in_force.get(grant_id)) and not self._stopping.is_set():
            try:
                await self._follow(grant)
            except (*STORAGE_AWAY, KafkaError) as error:
                log.warning("kafka_door_waits", grant=grant_id, error=type(error).__name__)
                await asyncio.sleep(_PAUSE_S)

    async def _follow(self, grant: Grant) -> None:
        """Writes for ever from behind the last record; anew from there if the grant has changed."""
        topic = name_of(grant.grant_id)
        view = self._projections.view(grant)
        async with Following(self._journal, self._projections, self._tail, view) as following:
            after = await self._begins_behind(grant.grant_id, following)
            while self._is_as_before(grant):
                events, reached = await following.page(after, _WRITTEN_AT_ONCE)
                if events:
                    await self._write(topic, events)
                    await self._topics.note(grant.grant_id, reached)
                elif reached == after:
                    await following.wait(_WAIT_S)
                after = reached

    async def _begins_behind(self, grant_id: str, following: Following) -> int:
        """Behind the topic's last record, where that event still has its position in the journal.

        If another has it, or none, the journal came back from a backup, and with it what was noted then.
        Events that come into the journal again may have other positions; under the same ids they are sent
        again. (Where it is only no longer shown, all is noted up to there, and nothing is sent again.)
        """
        written = await self._last_written(grant_id)
        there = await following.of_match(written.position, written.position)
        if any(event.id == written.event_id for event in there):
            return written.position
        last = await self._journal.last_position()
        after = min(await self._topics.noted(grant_id), written.position, last)
        if after < written.position:
            log.warning("kafka_door_goes_back", grant=grant_id, position=after)
        return after

    def _is_as_before(self, grant: Grant) -> bool:
        now = self._in_force.get(grant.grant_id)
        return not self._stopping.is_set() and now is not None and now.scope == grant.scope

    async def _write(self, topic: str, events: Sequence[Projected]) -> None:
        """In order; returns when all in-sync replicas have them."""
        if self._producer is None:
            raise RuntimeError("the door is not open: it runs in the background of streams")
        written = [
            await self._producer.send(
                topic,
                value=value_of(event),
                key=event.subject.encode(),
                headers=encode_headers(headers_of(event)),
            )
            for event in events
        ]
        await asyncio.gather(*written)

    async def _last_written(self, grant_id: str) -> _Written:
        """The topic's last record; of a topic that retention has emptied, what was noted.

        A topic in which nothing was ever written is filled from the journal's beginning.
        """
        partition = TopicPartition(name_of(grant_id), 0)
        async with AsyncExitStack() as stack:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._servers, client_id=self._client_id, enable_auto_commit=False
            )
            await consumer.start()
            stack.push_async_callback(consumer.stop)
            consumer.assign([partition])
            end = (await consumer.end_offsets([partition]))[partition]
            begin = (await consumer.beginning_offsets([partition]))[partition]
            if end == 0:
                return _Written(0)
            if begin < end:
                consumer.seek(partition, end - 1)
                found = await consumer.getmany(partition, timeout_ms=_LAST_RECORD_WITHIN_MS)
                for record in reversed(found.get(partition, [])):
                    headers = dict(record.headers)
                    return _Written(int(headers[POSITION]), headers[_ID].decode())
                raise KafkaError(f"the last record of {partition.topic} did not come")
        return _Written(await self._topics.noted(grant_id))


def value_of(event: Projected) -> bytes:
    """The data alone, as JSON."""
    return json.dumps(event.data, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(event: Projected) -> dict[str, str]:
    """A CloudEvent's attributes as headers: Kafka's binary mode."""
    attributes = dict(event.attributes)
    content_type = attributes.pop("datacontenttype")
    return {
        **{f"ce_{name}": value for name, value in attributes.items()},
        "content-type": content_type,
    }
