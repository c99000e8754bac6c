"""Programmes: told when they change, and only then."""

from typing import Any

import httpx
import pytest

from deploy.sample import programme as sample
from shared.events.contacts import ContactChanged, ContactErased
from shared.events.programmes import ProgrammeChanged
from shared.events.streams import CONTACTS, PROGRAMMES
from tests.integration.intake.conftest import A_PROGRAMME, COORDINATOR_KEY, OPERATOR_KEY, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_programme_is_told_only_when_it_differs(intake: Served) -> None:
    again = await intake.make_programme()
    assert again.json() == {"programme": intake.programme, "changed": False}
    changed = await intake.make_programme(policy={"mentee_answer_days": 9})
    assert changed.json()["changed"] is True
    payloads = [event.payload for event in await intake.told(PROGRAMMES)]
    assert [type(payload) for payload in payloads] == [ProgrammeChanged, ProgrammeChanged]
    assert isinstance(payloads[1], ProgrammeChanged)
    assert payloads[1].policy.mentee_answer_days == 9


async def test_coordinators_are_reached_by_contacts_only(intake: Served) -> None:
    await intake.make_programme(coordinators=[])
    kinds = [type(event.payload) for event in await intake.told(CONTACTS)]
    assert kinds == [ContactChanged, ContactErased]
    for event in await intake.told(PROGRAMMES):
        assert "Karen" not in event.payload.model_dump_json()


async def test_a_coordinator_belongs_to_one_programme(intake: Served) -> None:
    answer = await intake.http.put(
        f"/programmes/{intake.programme}-2",
        json=A_PROGRAMME
        | {
            "coordinators": [
                A_PROGRAMME["coordinators"][0] | {"coordinator_id": f"c-{intake.programme}"}
            ]
        },
        headers={"Authorization": f"Bearer {OPERATOR_KEY}"},
    )
    assert answer.status_code == 409, answer.text


async def test_what_is_read_can_be_put_back(intake: Served) -> None:
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    url = f"/programmes/{intake.programme}"
    body = (await intake.http.get(url, headers=headers)).json()
    assert (await intake.http.put(url, json=body, headers=headers)).json()["changed"] is False


async def test_the_sample_programme_is_accepted(intake: Served) -> None:
    sampled = sample.load()
    answer = await intake.http.put(
        f"/programmes/{sampled.programme_id}",
        json=sampled.body,
        headers={"Authorization": f"Bearer {OPERATOR_KEY}"},
    )
    assert answer.status_code == 200, answer.text


async def test_a_coordinators_key_changes_no_programme(intake: Served) -> None:
    answers: list[httpx.Response] = [
        await intake.http.put(f"/programmes/{intake.programme}", json=A_PROGRAMME, headers=headers)
        for headers in ({}, {"Authorization": f"Bearer {COORDINATOR_KEY}"})
    ]
    assert [answer.status_code for answer in answers] == [401, 403]


async def test_a_programme_that_refers_to_what_is_not_there_is_refused(intake: Served) -> None:
    coordinator = A_PROGRAMME["coordinators"][0] | {"coordinator_id": "c1"}
    wrongs: tuple[dict[str, Any], ...] = (
        {"coordinators": [coordinator | {"cities": ["999"]}]},
        {"coordinators": [coordinator | {"deputy": "nobody"}]},
        {"coordinators": [coordinator, coordinator]},
        {"policy": {"mentee_answer_dayz": 9}},
        {"time_zone": "Europe/Atlantis"},
        {"charters": []},
    )
    for wrong in wrongs:
        answer = await intake.make_programme(**wrong)
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"]
