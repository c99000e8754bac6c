"""The archive of all data about one person: a page to read, in her language, and JSON for programs."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from shared.events.rights import Service
from shared.web.frame import Pages

Parts: TypeAlias = Mapping[str, Mapping[str, Sequence[Any]]]
"""By service, by kind of record, the records."""

PAGE_NAME: Final = "my-data.html"
_PAGES: Final = Pages(Path(__file__).parent)
_ORDER: Final = tuple(service.value for service in Service)


def archive(parts: Parts, locale: str, now: datetime) -> bytes:
    """The ZIP. `now`: the date that stands in it."""
    ordered = {name: parts[name] for name in _ORDER if parts.get(name)}
    page = bytes(_PAGES.render("archive.html", locale, parts=ordered, date=now.date()).body)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        stamp = (now.year, now.month, now.day, now.hour, now.minute, now.second)
        packed.writestr(zipfile.ZipInfo(PAGE_NAME, stamp), page)
        for name, records in ordered.items():
            text = json.dumps(records, ensure_ascii=False, indent=2)
            packed.writestr(zipfile.ZipInfo(f"{name}.json", stamp), text.encode())
    return made.getvalue()
