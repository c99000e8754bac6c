"""Between the rounds, through Kafka and HTTP: who comes is proposed to, who is freed gets the next best."""

from typing import Any

import pytest

from services.matching.domain.schedule import top_up_after
from shared.events.participants import KindOfHelp, Role
from shared.events.programmes import BetweenRounds
from tests.integration.matching.conftest import Desk, Platform, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run_top_up(platform: Platform, desk: Desk) -> dict[str, Any]:
    """Time goes on to the top-up that was noted. Returns its record."""

    async def noted() -> Any:
        return (await desk.rounds()).get("next_top_up_at")

    async def done() -> Any:
        return [one for one in (await desk.rounds())["rounds"] if one["instant"] == instant]

    instant = await until(noted)
    at = top_up_after(platform.clock.now())
    assert instant.startswith(at.strftime("%Y-%m-%dT%H:%M:01"))
    platform.clock.set(at)
    (record,) = await until(done)
    assert record["kind"] == "top_up"
    return dict(record)


async def test_who_comes_is_proposed_to_and_after_a_no_gets_the_next_best(
    platform: Platform, desk: Desk
) -> None:
    await platform.programme(between_rounds=BetweenRounds.AT_ONCE)
    await platform.mentors("best")
    await platform.mentors("next", kinds_of_help=(KindOfHelp.EVERYDAY_SOCIETY,))
    await desk.knows("best", "next")
    await platform.mentees("amal")
    await desk.knows("amal")
    assert (await run_top_up(platform, desk))["proposed"] == 1
    first = await desk.only_match("proposed")
    assert first["mentor_id"] == platform.who("best")
    await desk.asked(first, Role.MENTEE)
    assert (await desk.answer(first, Role.MENTEE, says_yes=False)).status_code == 200
    assert (await run_top_up(platform, desk))["proposed"] == 1
    second = await desk.only_match("proposed")
    assert second["mentor_id"] == platform.who("next")


async def test_a_mentee_whose_place_goes_to_another_is_told_why(
    platform: Platform, desk: Desk
) -> None:
    await platform.programme(between_rounds=BetweenRounds.AT_ONCE, displace="unanswered")
    await platform.mentors("only")
    await platform.mentees("amal")
    await desk.knows("only", "amal")
    await run_top_up(platform, desk)
    match = await desk.only_match("proposed")
    await desk.asked(match, Role.MENTEE)
    long_ago = platform.clock.now().replace(month=1)
    await platform.mentees("zahra", registered_at=long_ago, available_since=long_ago)
    await desk.knows("zahra")
    assert (await run_top_up(platform, desk))["displaced"] == 1
    assert (await desk.only_match("proposed"))["mentee_id"] == platform.who("zahra")

    async def told() -> Any:
        return [one for one in await platform.told() if one["type"] == "match.withdrawn"]

    (event,) = await until(told)
    assert event["data"]["reason"] == "needed_more"
    assert event["data"]["asked"] == ["mentee"]
    assert (await desk.answer(match, Role.MENTEE)).status_code == 410
