"""The doors at which we are the ones who send: webhooks, and Kafka itself. Wired for the composition root."""

import asyncio

from fastapi import APIRouter

from services.streams import figures
from services.streams.api.webhooks import operators_webhook_routes, webhook_routes
from services.streams.domain.addresses import networks_of
from services.streams.kafka_door import KafkaDoor
from services.streams.projecting import Projections
from services.streams.settings import Settings
from services.streams.store.grants import Grants
from services.streams.store.journal import Journal
from services.streams.store.topics import Topics
from services.streams.store.webhooks import Webhooks
from services.streams.tail import Tail
from services.streams.webhooks.courier import Courier
from services.streams.webhooks.managing import Subscriptions
from services.streams.webhooks.sending import Sender
from services.streams.webhooks.serving import Serving
from shared.ids import Ids
from shared.runtime import Runtime


def sending_doors(
    runtime: Runtime,
    settings: Settings,
    grants: Grants,
    journal: Journal,
    projections: Projections,
    tail: Tail,
) -> list[APIRouter]:
    """Has them run in the background; the routes by which webhooks are looked after."""
    # Of this process alone, so that one that comes back under the same name is another holder.
    holder = f"{settings.instance}.{Ids().new()}"
    store = Webhooks(runtime)
    sender = Sender(networks_of(settings.webhook_networks))
    stopping = asyncio.Event()
    runtime.when_asked_to_stop(stopping.set)
    courier = Courier(sender.post, runtime.hashes, stopping)
    serving = Serving(
        store,
        grants,
        journal,
        projections,
        tail,
        sender,
        courier,
        figures.tell_of_webhooks(store, runtime.metrics),
        holder=holder,
        lease=settings.door_lease,
    )
    runtime.before_start(store.prepare)
    runtime.before_start(sender.open)
    runtime.in_background(serving.run, name="webhooks")
    if settings.kafka_door:
        door = KafkaDoor(
            settings.kafka_url.split(","),
            Topics(runtime),
            grants,
            journal,
            projections,
            tail,
            stopping,
            holder=holder,
            lease=settings.door_lease,
        )
        runtime.in_background(door.run, name="kafka door")
    subscriptions = Subscriptions(store, journal, sender, courier, runtime.hashes)
    return [webhook_routes(subscriptions), operators_webhook_routes(subscriptions)]
