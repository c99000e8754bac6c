"""How it begins: the operator makes the programme, the coordinator brings in a spreadsheet."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from deploy.local.access import Keys
from deploy.local.simulation.browser import AWAY, Browser
from deploy.local.simulation.chance import name_of
from deploy.local.simulation.population import Population
from deploy.local.simulation.registering import NotAccepted, register_at_the_pages
from deploy.sample.programme import SampleProgramme

Told = Callable[[dict[str, int]], None]
"""Told the counts of an import as it goes."""

_LONGEST_LINE: Final = 16 * 1024 * 1024
"""Of the answer to an import, in bytes: its last line holds all refusals."""
_IMPORT_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_read=300.0)


@dataclass(frozen=True, slots=True)
class Imported:
    """The answer to an import. cut_off: how often it broke off before and was sent again."""

    read: int
    registered: int
    repeated: int
    refused: int
    refusals: tuple[dict[str, Any], ...]
    cut_off: int
    seconds: float

    def counts(self) -> dict[str, int]:
        """The four numbers."""
        return {
            "read": self.read,
            "registered": self.registered,
            "repeated": self.repeated,
            "refused": self.refused,
        }


@dataclass(slots=True)
class _Listening:
    """What has come of one import so far."""

    report: dict[str, Any] | None = None
    cut_off: int = 0
    problems: list[str] = field(default_factory=list)


async def make_programme(browser: Browser, programme: SampleProgramme, keys: Keys) -> None:
    """The operator says what the programme is to be. Raises `NotAccepted`."""
    url = f"/intake/programmes/{programme.programme_id}"
    answer = await browser.ask("PUT", url, bearer=keys.operator, json=programme.body)
    if not answer.is_done:
        raise NotAccepted(f"{url} answered {answer.status}: {answer.text[:500]}")


async def import_file(
    browser: Browser, programme_id: str, population: Population, keys: Keys, tell: Told
) -> Imported:
    """The coordinator imports the spreadsheet; again, if it was cut off. Raises `NotAccepted`."""
    began = time.monotonic()
    url = f"/intake/programmes/{programme_id}/imports"
    listening = _Listening()

    async def once() -> dict[str, Any] | None:
        return await _import_once(browser, url, population, keys, tell, listening)

    report = await browser.until_answered(once, url)
    return Imported(
        read=report["read"],
        registered=report["registered"],
        repeated=report["repeated"],
        refused=report["refused"],
        refusals=tuple(report["refusals"]),
        cut_off=listening.cut_off,
        seconds=time.monotonic() - began,
    )


async def _import_once(
    browser: Browser,
    url: str,
    population: Population,
    keys: Keys,
    tell: Told,
    listening: _Listening,
) -> dict[str, Any] | None:
    headers = {"authorization": f"Bearer {keys.coordinator}"}
    begun = False
    with population.file.open("rb") as file:
        form = aiohttp.FormData()
        form.add_field("file", file, filename=population.file.name)
        try:
            async with browser.upload(
                url,
                data=form,
                headers=headers,
                timeout=_IMPORT_TIMEOUT,
                read_bufsize=_LONGEST_LINE,
            ) as answer:
                if answer.status in AWAY:
                    return None
                if not answer.ok:
                    raise NotAccepted(
                        f"{url} answered {answer.status}: {(await answer.text())[:500]}"
                    )
                begun = True
                async for line in answer.content:
                    read = json.loads(line)
                    if "report" in read:
                        report: dict[str, Any] = read["report"]
                        return report
                    if "problem" not in read:
                        tell(read)
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError):
            pass
    listening.cut_off += begun
    return None


async def register_on_the_web(browser: Browser, programme_id: str, population: Population) -> None:
    """The others register themselves, one after the other: who names whom may depend on the order.

    Every second one at the pages, step by step; the others through the same door as programs do.
    """
    for number, form in enumerate(population.on_the_web):
        if number % 2 == 0:
            await register_at_the_pages(browser, programme_id, form)
            continue
        key = name_of("register", form["role"], form["email"])
        url = f"/intake/programmes/{programme_id}/participants"
        answer = await browser.ask("POST", url, key=key, json=form)
        if not answer.is_done:
            raise NotAccepted(f"{url} answered {answer.status}: {answer.text[:500]}")
