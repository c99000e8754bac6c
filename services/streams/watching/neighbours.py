"""The other processes, asked how they are: their readiness and their figures, over HTTP.

That is no domain data: no event could tell that a process does not answer.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from services.streams.domain.vitals import Figures, Instance
from shared.errors import SettingsInvalid

_WITHIN_S: Final = 5.0
_PREFIX: Final = "commonground_"


def addresses_of(setting: str) -> dict[str, str]:
    """The setting `SERVICE_URLS`: `matching-1=http://…,intake-1=http://…`. Raises `SettingsInvalid`."""
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in setting.split(","))):
        name, equals, url = part.partition("=")
        if not equals or not url.startswith(("http://", "https://")):
            raise SettingsInvalid(
                f"SERVICE_URLS has {part!r}; write 'matching-1=http://host:port', with commas between."
            )
        found[name] = url.rstrip("/")
    return found


class Neighbours:
    """Asks all of them at once; who does not answer in time has not answered."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = dict(addresses)
        self._client = httpx.AsyncClient(timeout=_WITHIN_S, trust_env=False, follow_redirects=False)

    async def look(self) -> tuple[Instance, ...]:
        """Each as it answered."""
        asked = (self._ask(name, url) for name, url in self._addresses.items())
        return tuple(await asyncio.gather(*asked))

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _ask(self, name: str, url: str) -> Instance:
        try:
            ready = await self._client.get(f"{url}/health/ready")
            told = await self._client.get(f"{url}/metrics")
            told.raise_for_status()
            return Instance(name, ready.is_success, figures_in(told.text))
        except (httpx.HTTPError, ValueError):
            return Instance(name, is_ready=False, figures=None)


def figures_in(text: str) -> Figures:
    """The figures that are ours, by their names without the prefix. Raises `ValueError`."""
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    ours = (
        line for line in text.splitlines() if line.startswith(_PREFIX) and "_bucket{" not in line
    )
    for family in text_string_to_metric_families("\n".join(ours) + "\n"):
        for sample in family.samples:
            name = sample.name.removeprefix(_PREFIX)
            found.setdefault(name, []).append((sample.labels, sample.value))
    return {name: tuple(values) for name, values in found.items()}
