"""Writes what follows from the contract: JSON Schemas, AsyncAPI documents, the catalogue's data.

`python -m shared.events.generate` writes them, `--check` fails if what is committed is not what the
code says, or if a change of a schema is not additive.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shared.events import asyncapi, schemas

FOLDER: Final = Path(__file__).parent / "generated"


def generated() -> dict[Path, str]:
    """Every generated file by its path."""
    files = schema_files(FOLDER, schemas.all_schemas())
    for service in asyncapi.SERVICES:
        files[FOLDER / "asyncapi" / f"{service}.json"] = text_of(asyncapi.document_of(service))
    return files


def schema_files(folder: Path, all_schemas: Mapping[str, schemas.Schema]) -> dict[Path, str]:
    """One file a schema."""
    return {
        folder / "schemas" / f"{name}.json": text_of(schema) for name, schema in all_schemas.items()
    }


def text_of(document: dict[str, Any]) -> str:
    """A document as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def check(folder: Path, files: Mapping[Path, str]) -> int:
    """Says which files below the folder are not what the code says; 1 if there are any."""
    stale = [
        path
        for path, text in files.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    orphans = sorted(set(folder.rglob("*.json")) - set(files))
    for path in (*stale, *orphans):
        print(f"{path.relative_to(folder)} is not what the code says; run `make generate`.")
    return 1 if stale or orphans else 0


def write(folder: Path, files: Mapping[Path, str], grown: Mapping[str, schemas.Schema]) -> int:
    """Writes the files, unless one of the schemas (`grown`) does more than grow; then 1."""
    for name, schema in grown.items():
        path = folder / "schemas" / f"{name}.json"
        if path.exists():
            faults = schemas.breaking_changes(json.loads(path.read_text(encoding="utf-8")), schema)
            if faults:
                print(f"{name}: not additive, so it needs a new version: {'; '.join(faults)}")
                return 1
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def run(
    folder: Path, files: Mapping[Path, str], grown: Mapping[str, schemas.Schema], about: str | None
) -> int:
    """The command: writes, or with `--check` compares."""
    arguments = argparse.ArgumentParser(description=about)
    arguments.add_argument("--check", action="store_true", help="compare, write nothing")
    return check(folder, files) if arguments.parse_args().check else write(folder, files, grown)


if __name__ == "__main__":
    sys.exit(run(FOLDER, generated(), schemas.all_schemas(), __doc__))
