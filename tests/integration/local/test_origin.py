import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from deploy.local.supervisor import Platform
from tests.integration.local.fakes import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(shared_platform: Platform) -> Platform:
    return shared_platform


@pytest_asyncio.fixture(loop_scope="module")
async def client(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, base_url=platform.origin_url) as client:
        yield client


async def open_requests(platform: Platform) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{platform.service('origin').url}/internal/work")
        return int(answer.json()["open"]["requests"])


def is_a_problem(answer: httpx.Response, status: int) -> bool:
    return (
        answer.status_code == status
        and answer.headers["content-type"] == "application/problem+json"
        and answer.json()["status"] == status
    )


async def test_a_request_arrives_as_it_was_but_for_the_prefix(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    answer = await client.put(
        "/matching/echo/a%2Fb%20c/%C3%A6?x=1&x=%20y&status=418",
        content="الأم والمرشدة".encode(),
        headers={
            "authorization": "Bearer k",
            "x-forwarded-for": "6.6.6.6",
            "forwarded": "for=6.6.6.6",
            "connection": "keep-alive, x-mine",
            "x-mine": "1",
        },
    )
    said = answer.json()
    assert answer.status_code == 418
    assert said["method"] == "PUT"
    assert said["path"] == "/echo/a%2Fb%20c/%C3%A6"
    assert said["query"] == "x=1&x=%20y&status=418"
    assert said["beginning"] == "الأم والمرشدة"
    headers = said["headers"]
    assert headers["authorization"] == "Bearer k"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-prefix"] == "/matching"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == headers["host"] == platform.origin_url[7:]
    assert not {"forwarded", "x-mine"} & headers.keys()
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def test_an_upload_is_streamed(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 262_144

    answer = await client.post("/intake/echo", content=chunks())
    assert answer.json()["size"] == 64 * 262_144


async def test_an_answer_before_the_end_of_an_upload_arrives(client: httpx.AsyncClient) -> None:
    answer = await client.post("/intake/early", content=b"x" * 5_000_000)
    assert answer.status_code == 413


async def test_events_arrive_one_by_one_and_the_service_hears_that_the_client_left(
    client: httpx.AsyncClient,
) -> None:
    async with client.stream("GET", "/intake/events") as answer:
        lines = answer.aiter_lines()
        first = [await anext(lines) for _ in range(3)]
    assert first == ["data: 0", "", "data: 1"]

    async def gone() -> bool:
        return bool((await client.get("/intake/seen")).json()["client_gone"])

    await until(gone)


async def test_a_client_that_leaves_ends_its_open_request(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    slow = asyncio.create_task(client.get("/intake/slow"))

    async def is_open() -> bool:
        return await open_requests(platform) == 1

    async def is_over() -> bool:
        return await open_requests(platform) == 0

    await until(is_open)
    slow.cancel()
    await until(is_over, within_s=0.4)  # the answer would have taken longer


@pytest.mark.parametrize(
    "path",
    [
        "/internal/work",
        "/metrics",
        "/matching/internal/work",
        "/matching//internal/work",
        "/matching/%69nternal/work",
        "/matching/Internal/work",
        "/matching/./internal/work",
        "/matching/%2Finternal/work",
        "/matching/metrics",
        "/mailbox/internal/refuse",
    ],
)
async def test_what_is_for_the_inside_is_refused(platform: Platform, path: str) -> None:
    answer = await _raw(platform, path)
    assert answer.startswith("HTTP/1.1 403"), answer


@pytest.mark.parametrize("path", ["/matching/x/../internal/work", "/intake/%2e%2e/matching/echo"])
async def test_paths_that_climb_are_refused(platform: Platform, path: str) -> None:
    assert (await _raw(platform, path)).startswith("HTTP/1.1 400")


async def _raw(platform: Platform, path: str) -> str:
    """Sends the path as it is: a client would tidy it up."""
    host, port = platform.origin_url[7:].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_room_that_does_not_exist_is_a_problem(client: httpx.AsyncClient) -> None:
    assert is_a_problem(await client.get("/nowhere/x"), 404)


async def test_a_room_without_a_slash_is_sent_to_its_door(client: httpx.AsyncClient) -> None:
    answer = await client.get("/mailbox")
    assert (answer.status_code, answer.headers["location"]) == (308, "/mailbox/")


async def test_a_service_that_is_away_is_a_503_that_says_when_to_try_again(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    intake = platform.service("intake")
    intake.kill()
    await until(lambda: intake.pid is None)
    answer = await client.get("/intake/echo")
    assert is_a_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
    await platform.ready(["intake"])
    assert (await client.get("/intake/echo")).status_code == 200


async def test_a_service_that_dies_over_a_request_is_a_502_and_is_not_asked_again(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    starts = platform.service("intake").starts
    answer = await client.get("/intake/silent-death")
    assert is_a_problem(answer, 502)
    assert answer.headers["retry-after"] == "1"
    await until(lambda: platform.service("intake").starts == starts + 1)
    await platform.ready()
    assert platform.service("intake").starts == starts + 1


async def test_half_an_answer_never_looks_whole(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    starts = platform.service("matching").starts
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/matching/break-off")
    await until(lambda: platform.service("matching").starts == starts + 1)
    await platform.ready()


async def test_whoever_comes_is_led_to_the_front_door(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/intake/")


async def test_the_list_of_rooms_names_every_room(client: httpx.AsyncClient) -> None:
    answer = await client.get("/rooms")
    assert '<html lang="en">' in answer.text
    for room in ("intake", "matching", "mailbox"):
        assert f'<a href="/{room}/">' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_no_log_line_of_the_origin_holds_a_path(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    """Paths carry signed links."""
    await client.get("/matching/silent-death?token=secret")
    path = platform.settings.directory / "logs" / "origin.jsonl"
    await until(path.exists)
    text = path.read_text()
    assert json.loads(text.splitlines()[0])["room"] in {"intake", "matching"}
    assert "secret" not in text
    assert "silent-death" not in text
