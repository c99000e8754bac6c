"""Registering step by step without script: nothing is lost on the way, and only the last step registers."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from services.intake.domain.steps import Step
from shared.events.streams import PARTICIPANTS
from tests.integration.intake.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROWSER = {"Accept": "text/html"}
STORY = "  Min historie:\r\n\r\nبدأت <i>هنا</i> & \u202e! "
ANSWERS: dict[Step, dict[str, Any]] = {
    Step.WISHES: {
        "kinds_of_help": ["job_search", "confidence"],
        "goals": "\r\nA job\r\n",
        "request": "",
    },
    Step.WORK: {"profession": "Accountants", "education_level": "6"},
    Step.MEETING: {
        "language_1": "ar",
        "language_2": "da",
        "city": "461",
        "availability": ["sat-morning"],
    },
    Step.GROUND: {"interests": ["chess"], "other_interests": "lace, bees", "topics": ["parenting"]},
    Step.STORY: {"story": STORY, "shows": ["story"]},
    Step.YOU: {"name": "أمل", "email": "amal@example.org", "locale": "ar"},
    Step.CHARTER: {"charter": "2026-1"},
    Step.CHECK: {},
}


class Visitor:
    """Somebody at the form, with a browser that keeps nothing but the page that it shows."""

    def __init__(self, intake: Served) -> None:
        self.intake = intake
        self.page = ""
        self.status = 0

    async def begin(self, role: str = "mentee") -> None:
        address = {"role": role, "programme": self.intake.programme, "lang": "en"}
        self._look(await self.intake.http.get("/register", params=address, headers=BROWSER))

    async def send(
        self, answers: dict[str, Any], go: str = "next", path: str = "/register"
    ) -> None:
        fields = {**self.carried(), **answers, "go": go}
        answer = await self.intake.http.post(f"{path}?lang=en", data=fields, headers=BROWSER)
        self._look(answer)

    def carried(self) -> dict[str, Any]:
        """What the form sends anyway, as a browser reads it."""
        form = re.search(r'<form method="post" id="form".*?</form>', self.page, re.DOTALL)
        assert form is not None, self.page
        carried: dict[str, Any] = {}
        hidden = r'<input type="hidden" name="([^"]+)" value="([^"]*)">'
        for name, value in re.findall(hidden, form[0], re.DOTALL):
            carried.setdefault(name, []).append(unescape(value))
        return carried

    def _look(self, answer: httpx.Response) -> None:
        self.page, self.status = answer.text, answer.status_code

    async def fill_in(self, until: Step = Step.CHECK) -> None:
        for step in list(Step)[: list(Step).index(until)]:
            await self.send(ANSWERS[step])
            assert self.status == 200, re.findall(r'class="error".*', self.page)


async def registered(intake: Served) -> dict[str, Any]:
    """All that is kept of the only one who is registered."""
    found = await intake.intake.person(await intake.only_one())
    assert isinstance(found, tuple)
    person = found[1]
    return {"words": person.words, "profile": person.profile, "contact": person.contact}


async def test_whoever_goes_through_all_steps_is_registered_with_just_what_she_wrote(
    intake: Served,
) -> None:
    visitor = Visitor(intake)
    await visitor.begin()
    await visitor.fill_in()
    assert await intake.participants() == []
    assert await intake.told(PARTICIPANTS) == []
    await visitor.send({}, path="/register/send")
    assert visitor.status == 200
    assert "Look into your mail" in visitor.page
    hers = await registered(intake)
    assert hers["words"].story == STORY
    assert hers["words"].goals == "\r\nA job\r\n"
    assert hers["words"].shows == ("story",)
    assert hers["profile"].profession == "2411"
    assert hers["profile"].languages == ("ar", "da")
    assert hers["profile"].interests == ("chess", "lace", "bees")
    assert hers["contact"].locale == "ar"


async def test_going_back_loses_nothing(intake: Served) -> None:
    visitor = Visitor(intake)
    await visitor.begin()
    await visitor.fill_in(until=Step.STORY)
    await visitor.send(ANSWERS[Step.STORY], go="back")
    for _ in range(3):
        await visitor.send({}, go="back")
    story = visitor.carried()["story"]
    assert story == [STORY]
    assert re.search(r'value="job_search"[^>]*checked', visitor.page)


async def test_what_is_missing_is_said_beside_its_field_and_above_the_form(intake: Served) -> None:
    visitor = Visitor(intake)
    await visitor.begin()
    await visitor.send({"goals": "A job"})
    assert visitor.status == 422
    assert 'role="alert"' in visitor.page
    assert '<a href="#kinds_of_help">Choose at least one kind of help.</a>' in visitor.page
    assert 'id="kinds_of_help-error"' in visitor.page
    assert "A job</textarea>" in visitor.page


async def test_a_title_that_we_do_not_know_is_asked_about_and_never_in_the_way(
    intake: Served,
) -> None:
    visitor = Visitor(intake)
    await visitor.begin()
    await visitor.send(ANSWERS[Step.WISHES])
    await visitor.send({"profession": "acountent of sorts"})
    assert visitor.status == 422
    assert "None of these" in visitor.page
    meant = re.findall(r'name="profession_meant" value="([^"]+)"', visitor.page)
    await visitor.send({"profession": "acountent of sorts", "profession_meant": meant[-1]})
    assert visitor.status == 200
    assert "Step 3 of 8" in visitor.page


async def test_without_the_charter_nobody_is_registered(intake: Served) -> None:
    visitor = Visitor(intake)
    await visitor.begin()
    await visitor.fill_in(until=Step.CHARTER)
    await visitor.send({})
    assert visitor.status == 422
    await visitor.send({}, path="/register/send")
    assert visitor.status == 422
    assert await intake.participants() == []


async def test_a_mentor_says_how_many_she_can_meet(intake: Served) -> None:
    visitor = Visitor(intake)
    await visitor.begin("mentor")
    await visitor.send(ANSWERS[Step.WISHES])
    await visitor.send(ANSWERS[Step.WORK])
    await visitor.send(ANSWERS[Step.MEETING])
    assert 'href="#seats"' in visitor.page
    await visitor.send(ANSWERS[Step.MEETING] | {"seats": "2"})
    assert "Step 4 of 8" in visitor.page


async def test_who_registers_again_sees_the_same_page(intake: Served) -> None:
    pages = []
    for _ in range(2):
        visitor = Visitor(intake)
        await visitor.begin()
        await visitor.fill_in()
        await visitor.send({}, path="/register/send")
        pages.append(visitor.page)
    assert pages[0] == pages[1]
    assert len(await intake.participants()) == 1


async def test_she_changes_one_step_and_all_else_stays(intake: Served) -> None:
    visitor = Visitor(intake)
    await visitor.begin()
    await visitor.fill_in()
    await visitor.send({}, path="/register/send")
    before = await registered(intake)
    token = intake.link(await intake.only_one())
    form = await intake.http.get(
        "/me/change", params={"token": token, "step": "ground", "lang": "en"}, headers=BROWSER
    )
    assert 'value="lace, bees"' in form.text
    fields = {"token": token, "step": "ground", "interests": ["gardening"], "edition": "1"}
    said = await intake.http.post("/me/change?lang=en", data=fields, headers=BROWSER)
    assert said.status_code == 200
    assert "it is changed" in said.text
    after = await registered(intake)
    assert after["profile"].interests == ("gardening",)
    assert after["profile"].topics == ()
    assert (after["words"], after["contact"]) == (before["words"], before["contact"])
    old = await intake.http.post("/me/change?lang=en", data=fields, headers=BROWSER)
    assert old.status_code == 409


async def test_what_is_far_too_long_or_unknown_is_left_out(intake: Served) -> None:
    visitor = Visitor(intake)
    await visitor.begin()
    await visitor.send(ANSWERS[Step.WISHES] | {"nationality": "x", "goals": "x" * 30_000})
    assert "nationality" not in visitor.carried()
    assert "goals" not in visitor.carried()
