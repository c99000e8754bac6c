import time
from dataclasses import replace

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from pymongo import MongoClient
from rich.console import Console

from deploy.local.broker import KafkaBroker
from deploy.local.engines import Engine
from deploy.local.resend import must_resend
from deploy.local.supervisor import Platform
from tests.fresh import Fresh
from tests.integration.local.conftest import Ground
from tests.integration.local.fakes import until


async def test_end_offsets_name_every_partition_and_grow_with_each_record(
    embedded: Engine,
) -> None:
    broker = KafkaBroker(embedded.addresses)
    await broker.open()
    before = await broker.end_offsets()
    assert {"participants", "contacts", "matches", "check-ins", "dead-letters"} <= before.keys()
    async with AIOKafkaProducer(bootstrap_servers=list(embedded.addresses.kafka)) as producer:
        sent = await producer.send_and_wait("matches", b"{}", key=b"m", partition=0)
    after = await broker.end_offsets()
    assert after["matches"][0] == sent.offset + 1 == before["matches"][0] + 1
    began = time.monotonic()
    for _ in range(20):
        await broker.end_offsets()
    assert (time.monotonic() - began) / 20 < 0.05
    await broker.close()


async def test_state_is_sent_again_only_when_the_broker_alone_has_forgotten(
    embedded: Engine, fresh: Fresh
) -> None:
    fresh.empty(embedded)
    admin, empty = embedded.addresses.mongodb_admin, {"matches": {0: 0, 1: 0}}
    assert not await must_resend(empty, admin, ["intake", "matching"])
    with MongoClient[dict[str, object]](embedded.mongodb_url("matching")) as client:
        client["matching"]["matches"].insert_one({"_id": "m"})
    assert await must_resend(empty, admin, ["intake", "matching"])
    assert not await must_resend(empty, admin, ["intake"])
    assert not await must_resend({"matches": {0: 0, 1: 7}}, admin, ["intake", "matching"])
    assert not await must_resend(empty, "", ["intake", "matching"])
    fresh.empty(embedded)


@pytest.mark.e2e
async def test_data_stays_between_runs_and_what_the_broker_forgot_is_sent_again(
    ground: Ground,
) -> None:
    settings = replace(ground.settings, starts_at=None)

    def platform() -> Platform:
        return Platform(settings, console=Console(file=ground.terminal, width=300))

    async with platform() as first:
        assert await setting(first, "RESEND_STATE") is None
        with MongoClient[dict[str, object]](first.engine.mongodb_url("intake")) as client:
            client["intake"]["participants"].insert_one({"_id": "p"})

    async with platform() as second:
        assert await setting(second, "RESEND_STATE") == "1"
        intake, before = second.service("intake"), second.service("intake").starts
        intake.kill()
        await until(lambda: intake.starts > before)
        await second.ready(["intake"])
        assert await setting(second, "RESEND_STATE") is None, "it was ready once: all was sent"

    assert ground.said().count("all state is sent again") == 1
    platform().wipe()
    assert not list(settings.var.glob(f"{settings.run}/*"))


async def setting(platform: Platform, name: str) -> str | None:
    async with httpx.AsyncClient(trust_env=False) as client:
        seen = (await client.get(f"{platform.origin_url}/intake/seen")).json()
        value: str | None = seen["settings"][name]
        return value
