"""What the OpenAPI documents say of answers: problems everywhere, pages where people are answered."""

import importlib
from typing import Any

import pytest

from deploy.local.engines import SERVICES


@pytest.fixture(scope="module")
def operations() -> dict[tuple[str, str, str], dict[str, Any]]:
    """Every operation of the five services, by service, method and path."""
    found = {}
    for service in SERVICES:
        settings = importlib.import_module(f"services.{service}.settings").Settings(
            kafka_url="127.0.0.1:1",
            mongodb_url=f"mongodb://127.0.0.1:1/{service}?serverSelectionTimeoutMS=1",
            link_secret="links",
            hash_secret="hashes",
        )
        document = importlib.import_module(f"services.{service}.app").make_app(settings).openapi()
        assert document["servers"] == [{"url": "."}], "right behind the origin, and without it"
        assert "title" in document["components"]["schemas"]["Problem"]["required"]
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                found[service, method, path] = operation
    return found


def test_every_operation_tells_of_its_problems_and_says_what_it_does(
    operations: dict[tuple[str, str, str], dict[str, Any]],
) -> None:
    for where, operation in operations.items():
        answers = operation["responses"]
        for status in ("401", "403", "404", "422", "429", "500", "503"):
            assert "application/problem+json" in answers[status]["content"], where
        if where[1] != "get":
            assert {"409", "413"} <= set(answers), where
        assert operation.get("description"), where


def test_participants_are_answered_with_pages_and_programs_with_json(
    operations: dict[tuple[str, str, str], dict[str, Any]],
) -> None:
    for where in (
        ("matching", "post", "/answers"),
        ("followup", "post", "/help"),
        ("intake", "get", "/me"),
    ):
        answers = operations[where]["responses"]
        assert set(answers["200"]["content"]) == {"application/json", "text/html"}
        assert "text/html" in answers["422"]["content"]
    only_json = operations["streams", "get", "/positions"]["responses"]["200"]["content"]
    assert set(only_json) == {"application/json"}


def test_where_a_key_is_asked_for_the_document_says_so(
    operations: dict[tuple[str, str, str], dict[str, Any]],
) -> None:
    assert operations["streams", "get", "/journal"]["security"] == [{"key": []}]
    assert "security" not in operations["matching", "post", "/answers"]
