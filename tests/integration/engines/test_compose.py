"""deploy/compose.yaml as far as it can be judged without Docker."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.engines import SERVICES

DEPLOY = Path(__file__).parents[3] / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text()


@pytest.fixture
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(TEXT)
    return content


def test_all_five_services_run_from_one_image_with_their_own_database(
    compose: dict[str, Any],
) -> None:
    for name in SERVICES:
        service = compose["services"][name]
        assert service["image"] == "common-ground"
        assert service["command"] == ["python", "-m", f"services.{name}"]
        url = service["environment"]["MONGODB_URL"]
        assert url.startswith(
            f"mongodb://{name}:${{MONGODB_PASSWORD_{name.upper()}}}@mongodb/{name}?"
        )
        assert "w=majority&journal=true&retryWrites=true" in url


def test_who_is_waited_for_exists_and_can_become_what_is_waited_for(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    for name, service in services.items():
        for needed, wait in service.get("depends_on", {}).items():
            assert needed in services, name
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], needed
            else:
                assert "restart" not in services[needed], needed


def test_every_image_names_its_version(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert ":" in service["image"] or service["image"] == "common-ground"


def test_each_variable_is_explained_in_the_example_and_has_no_value_in_the_file() -> None:
    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", TEXT))
    example = (DEPLOY / "compose.env.example").read_text()
    assert used == set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    secrets = [name for name in used if re.search("PASSWORD|SECRET|KEY", name)]
    assert len(secrets) == 12
    for name in secrets:
        assert f"{name}=\n" in example
        assert f"${{{name}:-" not in TEXT
