"""Who may read the catalogue of events: anyone, unless the deployment wants keys."""

from typing import Literal

import httpx
import pytest
from pydantic import SecretStr

from services.streams.app import make_app
from services.streams.settings import Settings
from shared.security.keys import hash_key

EVENT = "commonground.match.accepted.v1"
PATHS = (
    "/catalogue",
    f"/catalogue/events/{EVENT}",
    f"/catalogue/schemas/{EVENT}.json",
    "/catalogue/asyncapi/integrators.json",
)


async def ask(
    path: str, key: str | None = None, for_whom: Literal["anyone", "key_holders"] = "anyone"
) -> httpx.Response:
    app = make_app(
        Settings(
            kafka_url="127.0.0.1:1",
            mongodb_url="mongodb://127.0.0.1:1/streams?serverSelectionTimeoutMS=1",
            link_secret=SecretStr("links"),
            hash_secret=SecretStr("hashes"),
            coordinator_key_hashes=hash_key("cg_coordinator"),
            catalogue_for=for_whom,
        )
    )
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://streams"
    ) as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("path", PATHS)
async def test_anybody_reads_the_catalogue(path: str) -> None:
    assert (await ask(path)).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_where_a_deployment_wants_keys_nobody_reads_it_without(path: str) -> None:
    assert (await ask(path, for_whom="key_holders")).status_code == 401
    assert (await ask(path, "cg_wrong", for_whom="key_holders")).status_code == 403
    assert (await ask(path, "cg_coordinator", for_whom="key_holders")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/catalogue/events/x", "/catalogue/schemas/x.json", "/catalogue/asyncapi/x.json"]
)
async def test_what_there_is_not_is_said_so(path: str) -> None:
    answer = await ask(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
