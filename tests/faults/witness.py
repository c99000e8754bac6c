"""The people's browser, that also keeps what was acknowledged: each 2xx, its key, and what it means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from deploy.local.simulation.browser import Answer, Browser
from deploy.local.simulation.letters import Thing, thing_of


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A request that was answered with 2xx, so that its effect must be there exactly once.

    path: where it was sent, without the query. thing: what the link in it is about. sent: its fields.
    """

    path: str
    key: str
    thing: Thing | None
    sent: Mapping[str, Any]


@dataclass(slots=True)
class Witness(Browser):
    """A `Browser` with a memory. contradictions: the same key got two different answers."""

    kept: dict[str, Acknowledged] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    asked_again: int = 0

    async def ask(
        self,
        method: str,
        url: str,
        *,
        key: str | None = None,
        bearer: str | None = None,
        session: str | None = None,
        as_json: bool = False,
        data: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        json: Any = None,
    ) -> Answer:
        """As `Browser.ask`. After a lost answer it asks once more, and demands the same answer."""
        retries = self.retries

        async def once() -> Answer:
            return await Browser.ask(
                self,
                method,
                url,
                key=key,
                bearer=bearer,
                session=session,
                as_json=as_json,
                data=data,
                json=json,
            )

        answer = await once()
        if method != "POST" or key is None or not answer.is_done:
            return answer
        if self.retries > retries:
            self.asked_again += 1
            again = await once()
            if (again.status, again.text) != (answer.status, answer.text):
                self.contradictions.append(
                    f"{urlsplit(url).path}: {answer.status}, then {again.status} with the same key, "
                    f"and {'the same' if again.text == answer.text else 'another'} text"
                )
        sent = json if json is not None else dict(data or {})
        token = str(sent.get("token", ""))
        path = urlsplit(url).path
        thing = thing_of(path.rpartition("/")[2], token) if token else None
        self.kept[f"{path} {key}"] = Acknowledged(path, key, thing, sent)
        return answer

    @property
    def acknowledged(self) -> int:
        """How many different things were acknowledged; a repeat under the same key is not another."""
        return len(self.kept)
