"""Writes what follows from the contract: JSON Schemas, AsyncAPI documents, the catalogue's data.

`python -m shared.events.generate` writes them, `--check` fails if what is committed is not what the
code says, or if a change of a schema is not additive.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from shared.events import asyncapi, schemas

FOLDER: Final = Path(__file__).parent / "generated"


def generated() -> dict[Path, str]:
    """Every generated file by its path."""
    files = {
        FOLDER / "schemas" / f"{name}.json": _text(schema)
        for name, schema in schemas.all_schemas().items()
    }
    for service in asyncapi.SERVICES:
        files[FOLDER / "asyncapi" / f"{service}.json"] = _text(asyncapi.document_of(service))
    return files


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _check() -> int:
    stale = [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    kept = set(FOLDER.rglob("*.json"))
    orphans = sorted(kept - set(generated()))
    for path in (*stale, *orphans):
        print(f"{path.relative_to(FOLDER)} is not what the code says; run `make generate`.")
    return 1 if stale or orphans else 0


def _write() -> int:
    for name, schema in schemas.all_schemas().items():
        path = FOLDER / "schemas" / f"{name}.json"
        if path.exists():
            faults = schemas.breaking_changes(json.loads(path.read_text(encoding="utf-8")), schema)
            if faults:
                print(f"{name}: not additive, so it needs a new version: {'; '.join(faults)}")
                return 1
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="compare, write nothing")
    sys.exit(_check() if arguments.parse_args().check else _write())
