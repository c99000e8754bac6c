"""A running platform as commands see it: asked over HTTP, with a key from the environment."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import httpx
import typer
from rich.console import Console
from rich.table import Table

_SILENCE_S: Final = 120.0

console = Console(stderr=True)
out = Console()

Origin = Annotated[str, typer.Option(help="The platform's address, http(s)://…", envvar="ORIGIN")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what the service said, for scripts.")]
GrantId = Annotated[str, typer.Argument(help="The grant's id; `integrators list` shows them.")]


class Platform:
    """A running platform, asked with the key that the environment holds. Keys are never arguments.

    What it refuses, or does not answer, ends the command with 1 and a sentence.
    """

    def __init__(self, origin: str, key_variable: str) -> None:
        self._origin = origin.rstrip("/")
        self._headers = {"Authorization": f"Bearer {_from_environment(key_variable)}"}

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        service: str = "streams",
    ) -> Any:
        """What the service answers to `path`. What is None in body or params is not sent."""
        try:
            answer = httpx.request(
                method,
                f"{self._origin}/{service}{path}",
                json=_said(body),
                params=_said(params),
                headers=self._headers,
                timeout=_SILENCE_S,
            )
        except httpx.HTTPError as error:
            raise self._away(error) from None
        if answer.is_error:
            raise stop(_why(answer))
        return answer.json() if answer.content else None

    def lines(self, path: str) -> Iterator[dict[str, Any]]:
        """A post to streams whose answer is a line of JSON for each step."""
        url = f"{self._origin}/streams{path}"
        try:
            with httpx.stream("POST", url, headers=self._headers, timeout=_SILENCE_S) as answer:
                if answer.is_error:
                    answer.read()
                    raise stop(_why(answer))
                for line in answer.iter_lines():
                    yield json.loads(line)
        except httpx.HTTPError as error:
            raise self._away(error) from None

    def _away(self, error: httpx.HTTPError) -> typer.Exit:
        return stop(f"{self._origin} cannot be reached: {type(error).__name__}.")


def stop(why: str) -> typer.Exit:
    """Says why, and is raised to end the command with 1."""
    console.print(why, style="red", markup=False, soft_wrap=True)
    return typer.Exit(1)


def show(answer: Any, as_json: bool, table: Table) -> None:  # noqa: FBT001  (an option of the command)
    """The table for people, or what the service said for scripts."""
    if as_json:
        out.print_json(json.dumps(answer))
    else:
        out.print(table)


def pages(platform: Platform, path: str, name: str) -> list[Any]:
    """All rows of a list that comes in pages."""
    found: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = platform.ask("GET", path, params={"after": after})
        found += page[name]
        after = page["next"]
    return found


def _said(fields: Any) -> Any:
    if not isinstance(fields, Mapping):
        return fields
    return {name: value for name, value in fields.items() if value is not None}


def _from_environment(variable: str) -> str:
    key = os.environ.get(variable)
    if not key:
        raise stop(f"Set {variable} in the environment; a key on the command line would be seen.")
    return key


def _why(answer: httpx.Response) -> str:
    """What the problem document says, with each field at fault."""
    try:
        problem = answer.json()
        faults = [f"{fault['field']}: {fault['reason']}" for fault in problem.get("errors", [])]
        return " ".join([str(problem["detail"]), *faults])
    except (ValueError, KeyError, TypeError):
        return f"The platform answered {answer.status_code}, and not as it should."
