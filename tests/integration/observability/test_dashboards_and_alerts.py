"""Dashboards and alerts ask for nothing that no service exports, and each alert has its page."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.notifications.domain.life import Delivery
from services.notifications.domain.message import Stage
from shared.events.matches import MatchStatus
from shared.events.participants import Role
from tests.capabilities import require
from tests.five import Five
from tests.integration.observability.exported import scrape
from tests.integration.observability.promql import Used, used_by

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy/prometheus/rules.yml"
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
RUNBOOKS = ROOT / "docs/runbooks"
SERVICES = ("intake", "matching", "notifications", "followup", "streams")
OF_PROMETHEUS = {"up": {"job", "instance"}}
#: Labels that Prometheus adds to whatever it scrapes.
OF_EVERY_TARGET = {"job", "instance"}
VALUES = {
    ("commonground_messages_unsent_oldest_seconds", "stage"): {stage.value for stage in Stage},
    ("commonground_proposals_unanswered_oldest_seconds", "status"): {
        status.value for status in MatchStatus
    },
    ("commonground_waiting_participants", "role"): {role.value for role in Role},
    ("commonground_waiting_longest_seconds", "role"): {role.value for role in Role},
    ("commonground_mails_total", "result"): {result.value for result in Delivery},
}


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


@pytest.fixture(scope="module")
def exported(five: Five) -> dict[str, set[str]]:
    """Every name that a service exports now, with its labels."""
    names: dict[str, set[str]] = {}
    for service in SERVICES:
        scraped = scrape(five, service)
        declared = labels_declared(five.runtime(service).metrics.registry)
        for family, kind in scraped.types.items():
            for name in sample_names(family, kind):
                names.setdefault(name, set()).update(declared.get(family, set()))
                if name.endswith("_bucket"):
                    names[name].add("le")
        for name, labels in scraped.labels().items():
            names.setdefault(name, set()).update(labels)
    return names


def sample_names(family: str, kind: str) -> list[str]:
    match kind:
        case "counter":
            return [f"{family}_total"]
        case "histogram":
            return [f"{family}_bucket", f"{family}_sum", f"{family}_count"]
    return [family]


def labels_declared(registry: CollectorRegistry) -> dict[str, set[str]]:
    """Labels of metrics that have no sample yet: nobody waits, nothing was parked."""
    declared: dict[str, set[str]] = {}
    for collector in list(registry._collector_to_names):
        own = getattr(collector, "_labelnames", ())
        for family in collector.describe() if hasattr(collector, "describe") else ():
            labels = getattr(family, "_labelnames", ()) or own
            declared.setdefault(family.name, set()).update(labels)
    return declared


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_is_asked_for_is_exported(
    exported: dict[str, set[str]], where: str, expression: str
) -> None:
    known = exported | OF_PROMETHEUS
    used = used_by(expression)
    assert used.metrics, f"{where}: {expression}"
    assert used.metrics <= set(known), f"{where}: nobody exports {used.metrics - set(known)}"
    for metric, label, _ in used.matchers:
        assert label in known[metric] | OF_EVERY_TARGET, f"{where}: {metric} has no label {label}"
    of_some = set().union(*(known[metric] for metric in used.metrics))
    assert used.groupings <= of_some | OF_EVERY_TARGET, where


def test_values_that_are_asked_for_exist() -> None:
    for where, expression in expressions():
        for metric, label, pattern in used_by(expression).matchers:
            if (metric, label) in VALUES:
                wanted = pattern.split("|")
                assert set(wanted) <= VALUES[metric, label], f"{where}: {metric} {label}={pattern}"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    alerts = {rule["alert"] for rule in rules()}
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert alerts == pages
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_how_to_look_what_to_do_and_whom_to_tell(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for linked in re.findall(r"\]\((\w+\.md)\)", text):
        assert (RUNBOOKS / linked).exists(), linked
    if page.stem == "README":
        return
    headings = re.findall(r"^##? (.+)$", text, re.MULTILINE)
    assert headings == [
        page.stem,
        "What it means for a woman waiting",
        "Look",
        "Do",
        "Escalate",
    ]
    parts = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert all(len(part.strip()) > 20 for part in parts)


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_metrics_that_a_runbook_names_are_exported(
    exported: dict[str, set[str]], page: Path
) -> None:
    named = re.findall(
        r"\b((?:commonground|faststream|process)_\w+)", page.read_text(encoding="utf-8")
    )
    assert set(named) <= set(exported), set(named) - set(exported)


def test_the_extractor_finds_what_it_must() -> None:
    assert used_by(
        'max by (job) (a_total{x="b_c{}", y!~"d"}[5m]) / on (z) rate(e_f[1h]) > 2e3'
    ) == Used(
        frozenset({"a_total", "e_f"}),
        (("a_total", "x", "b_c{}"), ("a_total", "y", "d")),
        frozenset({"job", "z"}),
    )


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    require("promtool")
    return subprocess.run(
        ["promtool", *arguments], input=text, capture_output=True, text=True, check=False
    )


def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    for done in (
        promtool("check", "rules", str(RULES)),
        promtool("check", "config", "--lint=none", str(RULES.with_name("prometheus.yml"))),
    ):
        assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should_and_not_before() -> None:
    done = promtool("test", "rules", str(Path(__file__).with_name("alerts.yml")))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_firing_and_silent() -> None:
    tests = yaml.safe_load(Path(__file__).with_name("alerts.yml").read_text(encoding="utf-8"))
    fired: set[str] = set()
    silent: set[str] = set()
    for case in tests["tests"]:
        for seen in case["alert_rule_test"]:
            (fired if seen.get("exp_alerts") else silent).add(seen["alertname"])
    alerts = {rule["alert"] for rule in rules()}
    assert fired == alerts
    assert silent == alerts


@pytest.mark.parametrize("service", SERVICES)
def test_promtool_accepts_the_metrics(five: Five, service: str) -> None:
    done = promtool("check", "metrics", text=five.ask(service, "/metrics").text)
    complaints = [
        line
        for line in done.stderr.splitlines()
        if line.startswith("commonground_") or not line.startswith(("faststream_", "python_"))
    ]
    assert complaints == []
