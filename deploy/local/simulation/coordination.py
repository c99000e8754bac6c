"""The coordinators: they hear of calls for help and of silence by mail, sign in, and see to them."""

import asyncio
import json
from collections.abc import Collection
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.local.simulation.agenda import Act, Agenda, Phase
from deploy.local.simulation.browser import Answer, Browser
from deploy.local.simulation.chance import between, name_of
from deploy.local.simulation.forms import Form
from deploy.local.simulation.letters import Letter
from deploy.local.simulation.people import sitting

_DEAD_AFTER_ESCALATIONS: Final = 2
_DESK: Final = "/intake/coordinator"


class Desk:
    """One coordinator's browser: signed in by the identity provider, again whenever that is over."""

    def __init__(self, email: str, browser: Browser) -> None:
        self._email = email
        self._browser = browser
        self._session = ""
        self._signing_in = asyncio.Lock()

    async def open(self, path: str, *, as_json: bool = False) -> Answer:
        """A page of hers, or what a service says about it as JSON."""
        if not self._session:
            await self._sign_in(self._session)
        used = self._session
        answer = await self._browser.ask("GET", path, session=used, as_json=as_json)
        if answer.status in (HTTPStatus.SEE_OTHER, HTTPStatus.UNAUTHORIZED):
            await self._sign_in(used)
            answer = await self._browser.ask("GET", path, session=self._session, as_json=as_json)
        return answer

    async def send(self, form: Form, key: str) -> None:
        """Sends a form as it is."""
        await self._browser.ask(
            "POST", form.action, key=key, data=form.filled({}), session=self._session
        )

    async def _sign_in(self, used: str) -> None:
        async with self._signing_in:
            if self._session != used:
                return  # Done meanwhile, for another page of hers.
            sent = await self._browser.ask("GET", f"/intake/sign-in?then={_DESK}/")
            attempt = "; ".join(f"{name}={value}" for name, value in sent.cookies.items())
            page = await self._browser.ask("GET", _local(sent.location))
            (form,) = page.forms()
            chosen = {**form.given, "other": self._email}
            there = f"{urlsplit(sent.location).path.rpartition('/')[0]}/{form.action}"
            back = await self._browser.ask("POST", there, data=chosen)
            done = await self._browser.ask("GET", _local(back.location), session=attempt)
            self._session = "; ".join(
                f"{name}={value}" for name, value in done.cookies.items() if value
            )


class Coordination:
    """All coordinators of the programme, each at her own desk."""

    def __init__(
        self, seed: int, emails: Collection[str], browser: Browser, agenda: Agenda
    ) -> None:
        self._seed = seed
        self._desks = {email.casefold(): Desk(email, browser) for email in emails}
        self._agenda = agenda

    def read(self, letter: Letter) -> None:
        """Puts a match that a letter names on the agenda. Letters to others are left alone."""
        desk = self._desks.get(letter.to)
        if desk is None:
            return
        # Some are late, so that the deputy hears of it too.
        days = between(0, 4, self._seed, letter.to, letter.arrived_at)
        for match_id in letter.ids:
            self._plan(desk, match_id, sitting(letter.arrived_at, days))

    def _plan(self, desk: Desk, match_id: str, at: datetime) -> None:
        self._agenda.add(Act(at, Phase.COORDINATE, match_id, lambda: _see_to(desk, match_id)))


async def _see_to(desk: Desk, match_id: str) -> None:
    """Says that help is on its way, and ends what nobody answers to any more."""
    page = await desk.open(f"{_DESK}/mentorships/{match_id}")
    forms = {form.action: form for form in page.forms()}
    for action in [each for each in forms if each.startswith(f"/followup/help/{match_id}/")]:
        help_id = action.split("/")[-2]
        await desk.send(forms[action], name_of("handled", help_id))
    close = forms.get(f"/followup/mentorships/{match_id}/close")
    if close is None:
        return
    found = await desk.open(f"/followup/mentorships/{match_id}", as_json=True)
    mentorship: dict[str, Any] = json.loads(found.text)
    statuses = [check_in["status"] for check_in in mentorship["check_ins"]]
    if statuses.count("escalated") >= _DEAD_AFTER_ESCALATIONS and mentorship["state"] == "running":
        await desk.send(close, name_of("close", match_id))


def _local(address: str) -> str:
    """The part of an address that a browser asks this origin for."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"
