"""No page and no message labels anybody, blames her or turns her away: the words, and who looks for them.

    python -m shared.web.plain_words     # part of `make check`: every catalogue and every template

The words are stems, in `words_to_avoid.yaml`, one list for all services. What operators read on their
console is not looked at: a failure is called one there.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from babel.messages.pofile import read_po

WORDS_TO_AVOID: Final = Path(__file__).parent / "words_to_avoid.yaml"
_JOINED_BEFORE: Final = {"ar": "[وف]?[بلك]?(?:ال|لل)?"}
"""What Arabic writes together with the word behind it."""
_IN_A_TEMPLATE: Final = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}|<style.*?</style>|<[^>]*>", re.DOTALL)
_TO_TRANSLATE: Final = re.compile(r'(?:_|gettext)\(\s*"([^"]*)"(?:\s*,\s*"([^"]*)")?')
_FOR_OPERATORS: Final = "streams"


@cache
def stems() -> dict[str, list[str]]:
    """The stems to avoid, by language."""
    read: dict[str, list[str]] = yaml.safe_load(WORDS_TO_AVOID.read_text(encoding="utf-8"))
    return read


def labels_in(text: str, locale: str) -> list[str]:
    """The words of a text that begin with one of its language's stems."""
    return _pattern(locale).findall(_bare(text))


def faults(root: Path) -> Iterator[str]:
    """A line for each word to avoid in the catalogues and templates below a folder."""
    for path in sorted(root.glob("**/catalogues/*/LC_MESSAGES/messages.po")):
        locale = path.parents[1].name
        for text in texts_of(path, locale):
            yield from (f"{path}: {word!r} in {text!r}" for word in labels_in(text, locale))
    for path in sorted(root.glob("**/templates/*.*")):
        template = path.read_text(encoding="utf-8")
        said = " ".join(text for found in _TO_TRANSLATE.findall(template) for text in found)
        text = _IN_A_TEMPLATE.sub(" ", template)
        yield from (f"{path}: {word!r}" for word in labels_in(f"{said} {text}", "en"))


def texts_of(path: Path, locale: str) -> Iterator[str]:
    """Every text of a catalogue, each plural form too."""
    with path.open("rb") as file:
        for message in read_po(file, locale=locale):
            if message.id:
                yield from forms_of(message.string)


def forms_of(text: str | Iterable[str] | None) -> tuple[str, ...]:
    """A text of a catalogue as its plural forms: one, if it has none."""
    return (text,) if isinstance(text, str) else tuple(text or ())


@cache
def _pattern(locale: str) -> re.Pattern[str]:
    listed = "|".join(re.escape(_bare(stem)) for stem in stems()[locale])
    return re.compile(rf"(?<!\w){_JOINED_BEFORE.get(locale, '')}(?:{listed})\w*")


def _bare(text: str) -> str:
    """Without case, and without vowel marks, which Arabic writes or leaves out as it likes."""
    composed = unicodedata.normalize("NFC", text.casefold())
    return "".join(letter for letter in composed if unicodedata.category(letter) != "Mn")


def main() -> None:
    """Ends with 1 if there is anything to say differently."""
    folders = [one for one in Path("services").iterdir() if one.name != _FOR_OPERATORS]
    found = [fault for folder in (*sorted(folders), Path("shared/web")) for fault in faults(folder)]
    for fault in found:
        sys.stderr.write(f"{fault}\n")
    if found:
        sys.stderr.write(f"Say it without labels and blame: see {WORDS_TO_AVOID.name}.\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
