"""Reads the sample programme from `programme.yaml`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final = Path(__file__).parent / "programme.yaml"


@dataclass(frozen=True, slots=True)
class SampleProgramme:
    """A programme to try the platform with.

    body: what `PUT /intake/programmes/{programme_id}` takes.
    charter_texts: by version, then by locale, in plain words.
    """

    programme_id: str
    body: dict[str, Any]
    charter_texts: dict[str, dict[str, str]]


def load() -> SampleProgramme:
    """The programme in `programme.yaml`."""
    read = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    texts = read["charter_texts"]
    return SampleProgramme(read["id"], {**read["programme"], "charter_texts": texts}, texts)
