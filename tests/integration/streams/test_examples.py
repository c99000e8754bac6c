"""The examples for integrators, as processes of their own, against running services."""

import asyncio
import json
import re
import sqlite3
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from deploy.local.engines import Engine
from deploy.local.engines.local import LocalEngine
from deploy.local.engines.spawn import free_ports, spawn_tied
from services.streams.command_line import cli
from services.streams.kafka_access import name_of
from tests.integration.streams.ground import ODENSE, an_origin, open_ground, until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex[:8]


@asynccontextmanager
async def running(example: str, folder: Path, **environment: str) -> AsyncIterator[Path]:
    """An example as a process; the file of its events."""
    events = folder / "events.db"
    log = folder / "example.log"
    process = await asyncio.to_thread(
        spawn_tied,
        [sys.executable, "-m", f"deploy.examples.{example}"],
        log=log,
        env={**environment, "EVENTS": str(events), "PYTHONPATH": str(ROOT)},
    )
    try:
        yield events
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(10)


def kept(events: Path) -> set[str]:
    """Ids of the events that an example has kept."""
    if not events.exists():
        return set()
    with closing(sqlite3.connect(events)) as database:
        try:
            return {row[0] for row in database.execute("SELECT id FROM events")}
        except sqlite3.OperationalError:
            return set()


def command(*arguments: str, **keys: str) -> dict[str, object]:
    """What a command says to scripts."""
    done = CliRunner().invoke(cli, [*arguments, "--json"], env=keys)
    assert done.exit_code == 0, done.output
    said: dict[str, object] = json.loads(done.stdout)
    return said


async def test_the_receiver_of_webhooks_gets_what_happens(
    embedded: Engine, tmp_path: Path, tag: str
) -> None:
    async with open_ground(embedded) as ground:
        grant = await ground.granted()
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}/hooks"
        async with an_origin(ground) as origin:
            made = await asyncio.to_thread(
                command, "webhooks", "add", "--origin", origin, url, INTEGRATOR_KEY=grant["key"]
            )
            environment = {"WEBHOOK_SECRET": str(made["secret"]), "PORT": str(port)}
            async with running("webhook_receiver", tmp_path, **environment) as events:
                await until(lambda: answers(url))
                tested = await asyncio.to_thread(
                    command,
                    *("webhooks", "test", "--origin", origin, str(made["webhook_id"])),
                    INTEGRATOR_KEY=grant["key"],
                )
                assert tested["delivered"] is True
                await ground.lives(tag, 3, cities=[ODENSE])

                async def all_came() -> bool:
                    return len(kept(events)) == 1 + 6 + 2 + 2

                await until(all_came)
                async with httpx.AsyncClient() as stranger:
                    forged = await stranger.post(url, content=b'{"id": "forged"}')
                assert forged.status_code == 401
            assert "forged" not in kept(events)


async def answers(url: str) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(url)).status_code == 405
        except httpx.TransportError:
            return False


@pytest.mark.apache
async def test_the_reader_of_kafka_gets_what_happens_and_goes_on_where_it_stopped(
    secured: LocalEngine, tmp_path: Path, tag: str
) -> None:
    assert secured.certificates is not None
    async with open_ground(secured, kafka_door=True) as ground:
        grant = await ground.granted()
        async with an_origin(ground) as origin:
            made = await asyncio.to_thread(
                command,
                *("kafka", "open", "--origin", origin, "--kafka", secured.addresses.kafka[0]),
                *("--profile", "local", "--topics", str(ROOT / "deploy" / "topics.yaml")),
                str(grant["grant_id"]),
                OPERATOR_KEY="cg_operator",
            )
        assert made["user"] == name_of(grant["grant_id"])
        environment = {
            "KAFKA_URL": ",".join(secured.secured_listeners),
            "KAFKA_USER": str(made["user"]),
            "KAFKA_PASSWORD": str(made["password"]),
            "KAFKA_CA": str(secured.certificates.authority),
        }
        for turn in (1, 2):
            await ground.lives(f"{tag}-{turn}", 3, cities=[ODENSE])
            async with running("kafka_reader", tmp_path, **environment) as events:

                async def all_came(events: Path = events, count: int = 10 * turn) -> bool:
                    return len(kept(events)) == count

                await until(all_came)
    printed = (tmp_path / "example.log").read_text()
    assert len(re.findall(r"commonground\.integration\.match\.accepted\.v1", printed)) == 2
