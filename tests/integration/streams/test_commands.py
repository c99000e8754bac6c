"""The commands for integrators, and their doors, through the origin as people use them."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from deploy.local.engines import Engine
from services.streams.command_line import cli
from services.streams.store.journal import granted
from shared.storage.database import Database
from tests.integration.streams.doors import (
    through_server_sent_events,
    through_the_feed,
)
from tests.integration.streams.ground import AARHUS, ODENSE, Ground, an_origin, open_ground

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(embedded: Engine) -> AsyncIterator[Ground]:
    async with open_ground(embedded) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def origin(ground: Ground) -> AsyncIterator[str]:
    async with an_origin(ground) as url:
        yield url


async def run(*words: str, origin: str, **environment: str | None) -> Any:
    """What a command did, run as a person would."""
    runner = CliRunner(env={"OPERATOR_KEY": None, "INTEGRATOR_KEY": None, **environment})
    return await asyncio.to_thread(
        runner.invoke, cli, ["integrators", *words, "--origin", origin], catch_exceptions=False
    )


async def test_an_operator_adds_an_integrator_who_looks_after_her_keys(
    ground: Ground, origin: str
) -> None:
    operator = {"OPERATOR_KEY": "cg_operator"}
    words = ["--name", "Odense Kommune", "--programme", "kvinfo", "--stream", "matches"]
    done = await run("add", *words, "--city", ODENSE, "--json", origin=origin, **operator)
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    own = {"INTEGRATOR_KEY": made["key"]}

    shown = await run("show", "--json", origin=origin, **own)
    assert json.loads(shown.stdout)["cities"] == [ODENSE]
    rotated = await run("rotate", "--overlap-hours", "0", "--json", origin=origin, **own)
    newer = {"INTEGRATOR_KEY": json.loads(rotated.stdout)["key"]}
    refused = await run("show", origin=origin, **own)
    assert refused.exit_code == 1
    assert "expired" in refused.output

    listed = await run("list", "--json", origin=origin, **operator)
    assert made["grant_id"] in {one["grant_id"] for one in json.loads(listed.stdout)}
    assert "key" not in json.loads(listed.stdout)[0]
    people = await run("list", origin=origin, **operator)
    assert "Odense" in people.stdout

    prefix = json.loads(rotated.stdout)["keys"][-1]["prefix"]
    gone = await run("revoke-key", prefix, origin=origin, **newer)
    assert gone.exit_code == 0, gone.output
    assert (await run("show", origin=origin, **newer)).exit_code == 1
    helped = await run("new-key", made["grant_id"], origin=origin, **operator)
    assert helped.exit_code == 0
    assert "cg_" in helped.stdout
    over = await run("revoke", made["grant_id"], "--json", origin=origin, **operator)
    assert json.loads(over.stdout)["revoked_at"] is not None


async def test_a_wish_that_cannot_be_granted_ends_with_its_reasons(origin: str) -> None:
    words = ["--name", "x", "--programme", "kvinfo", "--stream", "matches", "--city", "999"]
    refused = await run("add", *words, origin=origin, OPERATOR_KEY="cg_operator")
    assert refused.exit_code == 1
    assert "There is no municipality '999'" in refused.output


async def test_a_key_is_never_an_argument(origin: str) -> None:
    refused = await run("list", origin=origin)
    assert refused.exit_code == 1
    assert "Set OPERATOR_KEY in the environment" in refused.output


async def test_a_platform_that_is_away_is_named(ground: Ground) -> None:
    away = "http://127.0.0.1:9"
    refused = await run("list", origin=away, OPERATOR_KEY="cg_operator")
    assert refused.exit_code == 1
    assert f"{away} cannot be reached" in refused.output


async def test_the_doors_are_open_through_the_origin(ground: Ground, origin: str) -> None:
    grant = await ground.granted()
    before = await ground.journal.last_position()
    end = await ground.lives("through", 9)
    async with httpx.AsyncClient(base_url=f"{origin}/streams", timeout=60, trust_env=False) as http:
        outside = replace(ground, http=http)
        fed = await through_the_feed(outside, grant, "matches", before, end)
        streamed = await through_server_sent_events(outside, grant, "matches", before, end)
    assert fed == streamed == await through_the_feed(ground, grant, "matches", before, end)
    assert fed


async def test_what_a_grant_reads_is_found_by_an_index_and_nothing_else_is_looked_at(
    ground: Ground, embedded: Engine
) -> None:
    grant = await ground.granted(cities=[ODENSE])
    await ground.lives("indexed", 60, cities=[AARHUS, AARHUS, ODENSE])
    view = ground.app.state.projections.view(await ground.app.state.granting.get(grant["grant_id"]))
    query = granted("kvinfo", view.streams, view.types, view.scope.cities)
    query["position"] = {"$gt": 0, "$lte": 10_000}
    database = Database(embedded.mongodb_url("streams"))
    cursor = database.collection("journal").find(query).sort("position").limit(1_000)
    explained = await cursor.explain()
    database.close()
    plan = repr(explained["queryPlanner"]["winningPlan"])
    assert "'indexName': 'granted'" in plan
    assert "'stage': 'SORT'" not in plan
    stats = explained["executionStats"]
    # Only what happens between proposal and answer is read and not shown.
    assert stats["totalDocsExamined"] <= 2 * stats["nReturned"]
