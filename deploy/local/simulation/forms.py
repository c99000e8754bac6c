"""The forms of a page, as a browser finds them in its HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from shared.errors import CommonGroundError


class NotOnTheForm(CommonGroundError):
    """A person would choose what the form does not offer."""


@dataclass(slots=True)
class Form:
    """One form. given: what it sends anyway; choices: what each other field offers (None: free text).

    action: the path that it is sent to; query: what stands behind it there, her language for instance.
    """

    action: str
    given: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str] | None] = field(default_factory=dict)
    query: str = ""
    carried: list[tuple[str, str]] = field(default_factory=list)
    """All that is hidden in it, in order; a field may be there several times."""

    @property
    def url(self) -> str:
        """Where it is sent."""
        return f"{self.action}?{self.query}" if self.query else self.action

    def filled(self, chosen: Mapping[str, str]) -> dict[str, str]:
        """What is sent. Raises `NotOnTheForm` for a field or a choice that is not offered."""
        for name, value in chosen.items():
            if name not in self.choices:
                raise NotOnTheForm(f"The form for {self.action} has no field {name!r}.")
            offered = self.choices[name]
            if offered is not None and value not in offered:
                raise NotOnTheForm(
                    f"{name!r} on the form for {self.action} offers {offered}, not {value!r}."
                )
        return {**self.given, **chosen}

    def filled_with_several(self, chosen: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
        """What is sent where several values may be chosen. Raises as `filled` does."""
        for name, values in chosen.items():
            for value in values:
                self.filled({name: value})
        return [*self.carried, *((name, value) for name in chosen for value in chosen[name])]


def forms_of(html: str) -> list[Form]:
    """All forms that are sent with POST, in the order of the page."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects a form and its fields."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("method", "").lower() == "post":
            action, _, query = values.get("action", "").partition("?")
            self._form = Form(action, query=query)
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, values)

    def handle_endtag(self, tag: str) -> None:
        """Ends a form or a list of options."""
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None

    def _field(self, form: Form, tag: str, values: dict[str, str]) -> None:
        name = values.get("name", "")
        if tag == "option" and self._select is not None:
            _offer(form, self._select, values.get("value", ""))
        elif not name:
            return
        elif tag == "select":
            self._select = name
            form.choices[name] = []
        elif tag == "textarea":
            form.choices[name] = None
        elif tag == "input":
            match values.get("type", "text"):
                case "hidden":
                    form.given[name] = values.get("value", "")
                    form.carried.append((name, values.get("value", "")))
                case "radio" | "checkbox":
                    _offer(form, name, values.get("value", "on"))
                case _:
                    form.choices[name] = None


def _offer(form: Form, name: str, value: str) -> None:
    offered = form.choices.setdefault(name, [])
    if offered is not None:
        offered.append(value)
