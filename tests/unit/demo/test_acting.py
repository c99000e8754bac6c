"""What simulated people do about a letter, and how their browser copes with services that are away."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from deploy.local.mailbox import StoredMessage
from deploy.local.simulation import browser as browser_module
from deploy.local.simulation.agenda import Act, Agenda, Phase
from deploy.local.simulation.browser import Browser, OriginAway
from deploy.local.simulation.coordination import Coordination
from deploy.local.simulation.letters import read_letter
from deploy.local.simulation.life import Life
from deploy.local.simulation.people import Person
from shared.security.links import Links, Purpose

NOW = datetime(2026, 1, 6, 7, tzinfo=UTC)
ENDS = NOW + timedelta(days=60)
HER = "her@example.org"
PAGE = (
    '<form method="post" action="/matching/answers"><input type="hidden" name="token" value="t">'
    '<input type="hidden" name="says_yes" value="yes"></form>'
    '<form method="post" action="/matching/answers"><input type="hidden" name="token" value="t">'
    '<input type="hidden" name="says_yes" value="no"><select name="reason">'
    + "".join(
        f'<option value="{reason}"></option>'
        for reason in (
            "not_said", "no_time_now", "other_field", "too_far", "found_another_way",
            "know_each_other",
        )
    )
    + "</select></form>"
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes


class Origin:
    """A real server that answers as it is told, and remembers what was asked. None: it hangs up."""

    def __init__(self, answer: Callable[[], web.Response | None]) -> None:
        self._answer = answer
        self.asked: list[Asked] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.asked.append(Asked(request.method, request.path, request.headers, body))
        answer = self._answer()
        if answer is None and request.transport is not None:
            request.transport.close()
        return answer or web.Response()

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Browser]:
        async with RawTestServer(self.handle) as server, Browser(str(server.make_url(""))) as one:
            yield one

    def posts(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == "POST"]


class At:
    def __init__(self, instant: datetime) -> None:
        self._instant = instant

    def now(self) -> datetime:
        return self._instant


def a_proposal(
    number: int = 1, *, at: datetime = NOW, match_id: str = "m", site: str = "http://origin"
) -> StoredMessage:
    links = Links("secret", At(at))
    valid = timedelta(days=30)
    answer = links.sign(Purpose.ANSWER, "id", programme="p", match_id=match_id, valid_for=valid)
    me = links.sign(Purpose.MY_PAGE, "id", programme="p", match_id=match_id, valid_for=valid)
    text = f"{site}/intake/answer?token={answer}\n{site}/intake/me?token={me}\n"
    return StoredMessage(number, at, HER, "", f"<{number}>", "A proposal", text, "", {})


def a_person_who_answers() -> Person:
    for seed in range(100):
        person = Person(seed, HER, frozenset({"mentee"}))
        answer = person.answers_proposal(NOW, read_letter(a_proposal()).words)
        if answer is not None and answer.says_yes:
            return person
    raise AssertionError("nobody answers")


async def act_all(agenda: Agenda) -> int:
    done = 0
    for phase in Phase:
        for act in agenda.take(ENDS, phase):
            await act.do()
            done += 1
    return done


async def test_she_answers_the_first_message_about_a_thing_and_no_reminder() -> None:
    person = a_person_who_answers()
    alone, reminded = Agenda(ENDS), Agenda(ENDS)
    origin = Origin(lambda: web.Response(text=PAGE))
    async with origin.browser() as browser:
        for agenda, letters in (
            (alone, [a_proposal(site=browser.origin)]),
            (
                reminded,
                [
                    a_proposal(site=browser.origin),
                    a_proposal(2, at=NOW + timedelta(days=4), site=browser.origin),
                ],
            ),
        ):
            life = Life({HER: person}, browser, agenda)
            for letter in letters:
                life.read(read_letter(letter))
        assert alone.next_at == reminded.next_at
        assert await act_all(alone) == await act_all(reminded) == 1
    first, second = origin.posts()
    assert parse_qs(first.content.decode()) == {"token": ["t"], "says_yes": ["yes"]}
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_two_proposals_are_two_questions_though_they_read_alike() -> None:
    person, agenda = a_person_who_answers(), Agenda(ENDS)
    origin = Origin(lambda: web.Response(text=PAGE))
    async with origin.browser() as browser:
        life = Life({HER: person}, browser, agenda)
        life.read(read_letter(a_proposal(1, match_id="m1", site=browser.origin)))
        life.read(read_letter(a_proposal(2, match_id="m2", site=browser.origin)))
        assert await act_all(agenda) == 2
    assert len({post.headers["idempotency-key"] for post in origin.posts()}) == 2


async def test_an_answer_that_comes_too_late_is_no_surprise_but_a_page_without_its_form_is() -> (
    None
):
    person = a_person_who_answers()
    for answer, surprised in ((410, False), (200, True), (500, True)):
        agenda = Agenda(ENDS)
        origin = Origin(lambda status=answer: web.Response(status=status, text="no form"))  # type: ignore[misc]
        async with origin.browser() as browser:
            Life({HER: person}, browser, agenda).read(read_letter(a_proposal(site=browser.origin)))
            await act_all(agenda)
            assert bool(browser.surprises) is surprised


async def test_the_browser_tries_again_with_the_same_key_until_it_is_answered() -> None:
    answers = iter([503, None, 502, 504, 200])

    def answer() -> web.Response | None:
        status = next(answers)
        return None if status is None else web.Response(status=status)

    origin = Origin(answer)
    async with origin.browser() as browser:
        assert (await browser.ask("POST", "/x", key="k", data={"a": "b"})).is_done
        assert browser.retries == 4
        assert not browser.surprises
    assert [request.headers["idempotency-key"] for request in origin.asked] == ["k"] * 5
    assert {request.content for request in origin.asked} == {b"a=b"}


async def test_the_browser_gives_up_in_the_end_and_says_what_without_the_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browser_module, "_GIVES_UP_AFTER_S", 0.0)
    origin = Origin(lambda: web.Response(status=503))
    async with origin.browser() as browser:
        with pytest.raises(OriginAway) as raised:
            await browser.open("/intake/me?token=secret")
    assert "/intake/me" in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_a_coordinator_signs_in_handles_help_and_ends_what_nobody_answers_to() -> None:
    match_id = "0192f0c1-aaaa-7bbb-8ccc-0123456789ab"
    mentorship = {
        "state": "running",
        "check_ins": [{"status": "escalated"}, {"status": "escalated"}, {"status": "due"}],
    }
    hidden = '<input type="hidden" name="form_token" value="t">'
    desk = "".join(
        f'<form method="post" action="/followup/{action}">{hidden}</form>'
        for action in (f"help/{match_id}/h1/handled", f"mentorships/{match_id}/close")
    )

    def redirect(to: str, **cookies: str) -> web.Response:
        answer = web.Response(status=303, headers={"location": to})
        for name, value in cookies.items():
            answer.set_cookie(name, value)
        return answer

    answers = iter(
        [
            redirect("/identity/authorize?state=s", attempt="a"),
            web.Response(text='<form method="post" action="authorize"><input name="other"></form>'),
            redirect("/intake/callback?code=c"),
            redirect("/intake/coordinator/", session="s1"),
            web.Response(text=desk),
            redirect("/intake/coordinator/"),
            web.json_response(mentorship),
            redirect("/intake/coordinator/"),
        ]
    )
    origin = Origin(lambda: next(answers))
    agenda = Agenda(ENDS)
    async with origin.browser() as browser:
        coordination = Coordination(1, ["Karen@example.org"], browser, agenda)
        letter = StoredMessage(
            1, NOW, "karen@example.org", "", "<1>", "Help", f"It is match {match_id}.", "", {}
        )
        coordination.read(read_letter(letter))
        coordination.read(read_letter(a_proposal()))
        assert await act_all(agenda) == 1
    assert [post.path for post in origin.posts()] == [
        "/identity/authorize",
        f"/followup/help/{match_id}/h1/handled",
        f"/followup/mentorships/{match_id}/close",
    ]
    assert {post.headers["cookie"] for post in origin.posts()[1:]} == {"session=s1"}
    assert origin.asked[3].headers["cookie"] == "attempt=a"


async def nothing() -> None:
    pass


def test_acts_are_taken_when_they_are_due_in_the_order_of_their_keys() -> None:
    agenda = Agenda(ENDS)
    for at, phase, key in (
        (NOW, Phase.GO, "a"),
        (NOW, Phase.TALK, "c"),
        (NOW, Phase.TALK, "b"),
        (NOW + timedelta(days=1), Phase.TALK, "d"),
        (ENDS + timedelta(days=1), Phase.TALK, "behind the end"),
    ):
        agenda.add(Act(at, phase, key, nothing))
    assert agenda.next_at == NOW
    assert [act.key for act in agenda.take(NOW, Phase.TALK)] == ["b", "c"]
    assert [act.key for act in agenda.take(NOW, Phase.CLOSE)] == []
    assert [act.key for act in agenda.take(NOW, Phase.GO)] == ["a"]
    assert agenda.next_at == NOW + timedelta(days=1)
    assert [act.key for act in agenda.take(agenda.next_at, Phase.TALK)] == ["d"]
    assert agenda.next_at == ENDS
