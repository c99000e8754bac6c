"""A test that needs what the machine has not is skipped, or fails where it was required."""

import pytest

from tests import capabilities


@pytest.fixture
def _no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities, "what_is_missing", lambda _: "none is installed")


@pytest.mark.usefixtures("_no_browser")
def test_what_is_missing_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE", "apache-kafka")
    with pytest.raises(pytest.skip.Exception, match="no browser: none is installed"):
        capabilities.require("browser")


@pytest.mark.usefixtures("_no_browser")
def test_what_is_required_and_missing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE", "apache-kafka, browser")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE names browser, but none"):
        capabilities.require("browser")


def test_a_capability_that_nobody_knows_cannot_be_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE", "brwoser")
    with pytest.raises(pytest.UsageError, match="REQUIRE=brwoser: known are apache-kafka"):
        capabilities.required()
