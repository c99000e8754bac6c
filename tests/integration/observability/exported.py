"""What services export, as Prometheus' own parser reads it."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from tests.five import Five

Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass(frozen=True)
class Exported:
    """One service's metrics."""

    types: Mapping[str, str]
    """Of each family: `counter`, `gauge`, `histogram`."""
    meanings: Mapping[str, str]
    samples: Samples

    def value(self, name: str, **labels: str) -> float | None:
        """The value of one sample, or None."""
        return self.samples.get((name, tuple(sorted(labels.items()))))

    def labels(self) -> dict[str, set[str]]:
        """Each sample's name with the labels that it has."""
        found: dict[str, set[str]] = {}
        for name, labels in self.samples:
            found.setdefault(name, set()).update(label for label, _ in labels)
        return found


def scrape(five: Five, service: str) -> Exported:
    """One scrape of one service."""
    answer = five.ask(service, "/metrics")
    assert answer.status_code == 200
    return parse(answer.text)


def parse(text: str) -> Exported:
    """Reads the text format. Raises `ValueError` where it is not well-formed."""
    read = read_openmetrics if text.rstrip().endswith("# EOF") else read_text
    families = list(read(text))
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }
    return Exported(
        {family.name: family.type for family in families},
        {family.name: family.documentation for family in families},
        samples,
    )
