"""Makes the topics of deploy/topics.yaml: creates what is missing, reports what differs.

Nothing is ever changed or deleted. Partitions cannot change without breaking the order of events,
and a retention that somebody set by hand may have its reason; a person decides.

    python -m deploy.local.topics --kafka localhost:9092 --profile production
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

from deploy.local.engines.interface import Addresses
from shared.errors import CommonGroundError
from shared.messaging.topics_file import Profile, Topic, TopicsFile

TOPICS_FILE: Final = Path(__file__).parents[1] / "topics.yaml"
_LEADERS_WITHIN_S: Final = 30.0


class TopicsNotApplied(CommonGroundError):
    """The broker refused a topic, the file is wrong, or no such profile is in it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting of a topic that is not as the file wants it."""

    topic: str
    setting: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} is {self.found}, the file wants {self.wanted}"


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did and found."""

    created: tuple[str, ...]
    unchanged: tuple[str, ...]
    different: tuple[Difference, ...]


def read_topics(file: Path = TOPICS_FILE) -> TopicsFile:
    """The file, checked. Raises `pydantic.ValidationError` that names what is wrong in it."""
    return TopicsFile.read(file)


async def apply(
    addresses: Addresses, profile: str = "local", *, file: Path = TOPICS_FILE
) -> Applied:
    """Create the topics that are missing, and compare the others with the file.

    Can be repeated, also by several processes at once. Returns when every topic has a leader for
    each partition. Raises `TopicsNotApplied`.
    """
    wanted = read_topics(file)
    if profile not in wanted.profiles:
        known = ", ".join(wanted.profiles)
        raise TopicsNotApplied(f"{file.name} has no profile {profile!r}: choose one of {known}")
    size = wanted.profiles[profile]
    admin = AIOKafkaAdminClient(bootstrap_servers=list(addresses.kafka))
    try:
        await admin.start()
        # Only names from this list are asked for below: some brokers create what is asked for.
        there = set(await admin.list_topics())
        missing = {name: topic for name, topic in wanted.topics.items() if name not in there}
        await _create(admin, missing, size)
        await _wait_for_leaders(admin, sorted(wanted.topics))
        present = {name: topic for name, topic in wanted.topics.items() if name not in missing}
        different = await _compare(admin, present, size)
    except KafkaConnectionError as error:
        asked = ", ".join(addresses.kafka)
        raise TopicsNotApplied(f"no Kafka broker answers at {asked}: does it run?") from error
    finally:
        await admin.close()
    differing = {difference.topic for difference in different}
    return Applied(
        created=tuple(missing),
        unchanged=tuple(name for name in present if name not in differing),
        different=tuple(different),
    )


async def _create(
    admin: AIOKafkaAdminClient, topics: Mapping[str, Topic], profile: Profile
) -> None:
    if not topics:
        return
    answer = await admin.create_topics(
        [
            NewTopic(
                name,
                num_partitions=profile.partitions[topic.partitions],
                replication_factor=profile.replication,
                topic_configs=topic.settings(profile),
            )
            for name, topic in topics.items()
        ]
    )
    for name, code, message in answer.topic_errors:
        # Another process may have been faster with the same file.
        if code not in (0, TopicAlreadyExistsError.errno):
            reason = message or for_code(code).__name__
            raise TopicsNotApplied(f"Kafka refused the topic {name}: {reason}")


async def _wait_for_leaders(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    deadline = time.monotonic() + _LEADERS_WITHIN_S
    while True:
        described = await admin.describe_topics(list(names))
        waiting = [
            topic["topic"]
            for topic in described
            if topic["error_code"] or any(part["leader"] < 0 for part in topic["partitions"])
        ]
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise TopicsNotApplied(
                f"no leader for {', '.join(waiting)} after {_LEADERS_WITHIN_S:.0f} s: "
                "are enough brokers in service?"
            )
        await asyncio.sleep(0.05)


async def _compare(
    admin: AIOKafkaAdminClient, topics: Mapping[str, Topic], profile: Profile
) -> list[Difference]:
    if not topics:
        return []
    found: dict[str, dict[str, str]] = {name: {} for name in topics}
    for described in await admin.describe_topics(list(topics)):
        partitions = described["partitions"]
        found[described["topic"]] |= {
            "partitions": str(len(partitions)),
            "replication": str(len(partitions[0]["replicas"])),
        }
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    for answer in await admin.describe_configs(asked):
        for code, message, _, name, entries in answer.resources:
            if code:
                reason = message or for_code(code).__name__
                raise TopicsNotApplied(f"Kafka does not tell the settings of {name}: {reason}")
            found[name] |= {entry[0]: entry[1] for entry in entries}
    return [
        Difference(name, setting, wanted=value, found=found[name].get(setting, "not set"))
        for name, topic in topics.items()
        for setting, value in _wanted(topic, profile).items()
        if found[name].get(setting) != value
    ]


def _wanted(topic: Topic, profile: Profile) -> dict[str, str]:
    return {
        "partitions": str(profile.partitions[topic.partitions]),
        "replication": str(profile.replication),
        **topic.settings(profile),
    }


def main(
    kafka: Annotated[str, typer.Option(envvar="KAFKA_URL", help="host:port, comma separated")],
    profile: Annotated[str, typer.Option(help="a profile of deploy/topics.yaml")] = "local",
) -> None:
    """Create the missing topics. Exit status 1 when a topic differs from the file."""
    addresses = Addresses(kafka=tuple(kafka.split(",")), mongodb_admin="")
    try:
        applied = asyncio.run(apply(addresses, profile))
    except TopicsNotApplied as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"created {', '.join(applied.created) or 'nothing'}")
    typer.echo(f"{len(applied.unchanged)} topics were there and agree with the file")
    for difference in applied.different:
        typer.echo(f"differs: {difference}", err=True)
    if applied.different:
        typer.echo("nothing was changed: mend the topic or the file, then run again", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
