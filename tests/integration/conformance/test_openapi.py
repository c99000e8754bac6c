"""schemathesis asks everything that the five OpenAPI documents offer, as anybody, coordinator and operator.

No answer is an error of ours, and none is of a kind that the document does not tell of.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.local.engines import SERVICES
from tests.five import COORDINATOR, OPERATOR, Five

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KEYS = {"anybody": None, "coordinator": COORDINATOR, "operator": OPERATOR}
EXAMPLES = 12


@pytest.fixture(scope="module")
def programme(five: Five) -> str:
    name = f"p{uuid.uuid4().hex[:8]}"
    five.make_programme(name)
    five.register(name)
    return name


def operations(five: Five, service: str) -> Iterator[Any]:
    schema = schemathesis.openapi.from_url(f"{five.urls[service]}/openapi.json")
    schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize("role", KEYS)
@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_answer_is_an_error_of_ours_or_one_that_the_document_does_not_know(
    five: Five, programme: str, service: str, role: str
) -> None:
    key = KEYS[role]
    assert not faults_of(five, programme, service, lambda: key)


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_nor_does_an_integrator_get_one(five: Five, programme: str) -> None:
    wish = {"name": "x", "programme": programme, "streams": ["matches"], "all_cities": True}

    def of_a_new_grant() -> str:
        """She may end her own key, so she has another one for each operation."""
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        made = httpx.post(f"{five.urls['streams']}/integrators", json=wish, headers=headers)
        return str(made.json()["key"])

    assert not faults_of(five, programme, "streams", of_a_new_grant)


def faults_of(five: Five, programme: str, service: str, key_of: Callable[[], str | None]) -> str:
    """What is wrong with a service's answers, each fault once."""
    faults: list[str] = []
    for operation in operations(five, service):
        key = key_of()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        faults += faults_of_one(operation, headers, programme)
    return "\n\n".join(dict.fromkeys(faults))


def faults_of_one(operation: Any, headers: dict[str, str], programme: str) -> list[str]:
    faults: list[str] = []

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        if "programme" in (case.path_parameters or {}):
            case.path_parameters["programme"] = programme
        try:
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=30)
        except FailureGroup as group:
            # Kept, not raised: hypothesis would ask again, and what is there has changed by then.
            faults.extend(str(fault) for fault in group.exceptions)

    ask()
    return faults
