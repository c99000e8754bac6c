import asyncio
import time
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from aiokafka.errors import KafkaConnectionError

from deploy.local.broker import EndOffsets
from deploy.local.clock_driver import ClockDriver, NotSettling
from deploy.local.supervisor import Platform
from deploy.local.work import still_open
from shared.clock import SystemClock
from shared.errors import SettingsInvalid
from tests.integration.local.fakes import FakeBroker, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(shared_platform: Platform) -> Platform:
    return shared_platform


async def tell(platform: Platform, what: str, name: str = "intake") -> None:
    """Tells a fake service something past the origin, which is not to notice it."""
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.post(f"{platform.service(name).url}/{what}")).raise_for_status()


async def test_it_is_not_quiet_while_a_service_has_open_work(platform: Platform) -> None:
    left: list[str] = []
    began = time.monotonic()
    await tell(platform, "be-busy?for_s=0.3")
    await platform.settle(left.extend)
    assert time.monotonic() - began >= 0.3
    assert "intake: 1 handling open" in left


async def test_it_is_not_quiet_while_a_request_is_open_in_the_origin(platform: Platform) -> None:
    async def origin_is_open() -> bool:
        reading = await platform.clock.read()
        return "origin: 1 requests open" in still_open(reading, None, {})

    async with httpx.AsyncClient(trust_env=False) as client:
        slow = asyncio.create_task(client.get(f"{platform.origin_url}/intake/slow"))
        await until(origin_is_open)
        await platform.settle()
        answer = await asyncio.wait_for(slow, 0.2)
        assert answer.text == "at last"


async def test_an_open_stream_of_events_is_no_open_work(platform: Platform) -> None:
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("GET", f"{platform.origin_url}/intake/events"),
    ):
        await platform.clock.settle(timeout_s=2)


async def test_it_is_not_quiet_while_a_service_is_away(platform: Platform) -> None:
    left: list[str] = []
    starts = platform.service("matching").starts
    platform.service("matching").kill()
    await platform.settle(left.extend)
    assert any(line.startswith("matching: away") for line in left)
    assert platform.service("matching").starts == starts + 1


async def test_what_does_not_settle_is_named(platform: Platform) -> None:
    await tell(platform, "be-busy?for_s=60", "matching")
    with pytest.raises(NotSettling, match="matching: 1 handling open"):
        await platform.clock.settle(timeout_s=0.3)
    await tell(platform, "be-busy?for_s=0", "matching")


async def test_the_clock_moves_by_a_step_or_to_what_is_due_first(platform: Platform) -> None:
    clock = platform.clock
    began = clock.now()
    assert await clock.advance() == began + timedelta(hours=12)
    await tell(platform, "be-due?in_h=5")
    assert await clock.advance() == began + timedelta(hours=17)
    past, sooner = began, began + timedelta(hours=18, microseconds=1)
    assert await clock.advance([past, sooner]) == began + timedelta(hours=18, milliseconds=1)


async def test_the_systems_clock_settles_but_is_not_moved(platform: Platform) -> None:
    urls = {name: platform.service(name).url for name in ("intake", "matching")}
    driver = ClockDriver(SystemClock(), urls, FakeBroker())
    await driver.settle(timeout_s=5)
    with pytest.raises(SettingsInvalid, match="CLOCK is 'system'"):
        await driver.advance()
    await driver.aclose()


async def test_quiet_needs_two_readings_that_agree_in_all_offsets(platform: Platform) -> None:
    class Growing(FakeBroker):
        """Gets a record between the first and the second reading."""

        readings = 0

        async def end_offsets(self) -> EndOffsets:
            self.readings += 1
            return {"matches": {0: min(self.readings, 2)}}

    broker = Growing()
    driver = ClockDriver(SystemClock(), {"intake": platform.service("intake").url}, broker)
    await driver.settle(timeout_s=5)
    assert broker.readings == 3
    await driver.settle(timeout_s=5)
    assert broker.readings == 4, "one reading is enough when it agrees with the last quiet one"
    await driver.aclose()


async def test_it_is_not_quiet_while_kafka_is_away(platform: Platform) -> None:
    class Away(FakeBroker):
        async def end_offsets(self) -> EndOffsets:
            raise KafkaConnectionError

    driver = ClockDriver(SystemClock(), {"intake": platform.service("intake").url}, Away())
    with pytest.raises(NotSettling, match="kafka: away"):
        await driver.settle(timeout_s=0.1)
    await driver.aclose()


async def test_settling_with_nothing_to_do_takes_well_under_100_ms(platform: Platform) -> None:
    await platform.settle()
    took_s = []
    for _ in range(20):
        began = time.monotonic()
        await platform.settle()
        took_s.append(time.monotonic() - began)
    assert sorted(took_s)[10] < 0.1, took_s
