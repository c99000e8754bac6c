"""Our AsyncAPI documents are what the official JSON Schema of AsyncAPI 3.0.0 wants.

`asyncapi/3.0.0.json.gz` is that schema as the package `@asyncapi/specs` 6.11.1 has it, under its own licence.
"""

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from services.streams.generate import asyncapi_document
from shared.events.asyncapi import SERVICES, document_of

OFFICIAL = json.loads(
    gzip.decompress((Path(__file__).parent / "asyncapi" / "3.0.0.json.gz").read_bytes())
)
DOCUMENTS: dict[str, dict[str, Any]] = {
    **{service: document_of(service) for service in SERVICES},
    "integrators": asyncapi_document(),
}


def faults(document: dict[str, Any]) -> list[str]:
    return [
        f"{fault.json_path}: {fault.message}"
        for fault in Draft7Validator(OFFICIAL).iter_errors(document)
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid_by_the_official_schema(name: str) -> None:
    assert faults(DOCUMENTS[name]) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reference_in_a_document_leads_somewhere(name: str) -> None:
    document = DOCUMENTS[name]

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [found for inner in part.values() for found in references(inner)]
        return (
            [found for inner in part for found in references(inner)]
            if isinstance(part, list)
            else []
        )

    for reference in references(document):
        assert reference.startswith("#/"), reference
        part: Any = document
        for step in reference[2:].split("/"):
            part = part[step]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.update(asyncapi="2.0.0"),
        lambda document: document.pop("info"),
        lambda document: next(iter(document["operations"].values())).update(action="shout"),
        lambda document: next(iter(document["channels"].values())).update(topic="matches"),
    ],
)
def test_a_document_that_is_none_is_refused(spoil: Any) -> None:
    document = copy.deepcopy(DOCUMENTS["matching"])
    spoil(document)
    assert faults(document)
