"""The coordinators: they hear of calls for help and of silence by mail, and see to them."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from deploy.local.simulation.agenda import Act, Agenda, Phase
from deploy.local.simulation.browser import Browser
from deploy.local.simulation.chance import between, name_of
from deploy.local.simulation.letters import Letter
from deploy.local.simulation.people import sitting

_DEAD_AFTER_ESCALATIONS: Final = 2


class Coordination:
    """All coordinators of the programme, with one key."""

    def __init__(
        self, seed: int, emails: Collection[str], browser: Browser, key: str, agenda: Agenda
    ) -> None:
        self._seed = seed
        self._emails = frozenset(email.casefold() for email in emails)
        self._browser = browser
        self._key = key
        self._agenda = agenda

    def read(self, letter: Letter) -> None:
        """Puts a match that a letter names on the agenda. Letters to others are left alone."""
        if letter.to in self._emails:
            # Some are late, so that the deputy hears of it too.
            days = between(0, 4, self._seed, letter.to, letter.arrived_at)
            for match_id in letter.ids:
                self._plan(match_id, sitting(letter.arrived_at, days))

    def _plan(self, match_id: str, at: datetime) -> None:
        self._agenda.add(Act(at, Phase.COORDINATE, match_id, lambda: self._see_to(match_id)))

    async def _see_to(self, match_id: str) -> None:
        """Says that help is on its way, and ends what nobody answers to any more."""
        url = f"/followup/mentorships/{match_id}"
        answer = await self._browser.ask("GET", url, bearer=self._key)
        if not answer.is_done:
            return
        mentorship: dict[str, Any] = json.loads(answer.text)
        for help_id in mentorship["open_help_requests"]:
            done = f"/followup/help/{match_id}/{help_id}/handled"
            await self._post(done, name_of("handled", help_id))
        statuses = [check_in["status"] for check_in in mentorship["check_ins"]]
        is_dead = statuses.count("escalated") >= _DEAD_AFTER_ESCALATIONS
        if is_dead and mentorship["state"] == "running":
            await self._post(f"{url}/close", name_of("close", match_id))

    async def _post(self, url: str, key: str) -> None:
        await self._browser.ask("POST", url, key=key, bearer=self._key)
