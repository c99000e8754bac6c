"""Commands about the door to Kafka: an operator opens it for a grant, and closes it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from services.streams.kafka_access import (
    KafkaAccess,
    KafkaRefuses,
    group_prefix_of,
    name_of,
)
from services.streams.platform import AsJson, GrantId, Origin, Platform, console, out, stop
from shared.messaging.topics_file import Topic, TopicsFile

kafka = typer.Typer(help="Kafka itself as a door: a topic, a user and rights for a grant.")

_TEMPLATE = "grants"
Servers = Annotated[str, typer.Option("--kafka", envvar="KAFKA_URL", help="host:port, …")]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="librdkafka's settings of who may administrate, name=value."),
]


@kafka.command("open")
def open_door(
    origin: Origin,
    grant_id: GrantId,
    servers: Servers,
    config: ConfigFile = None,
    topics: Annotated[Path, typer.Option(help="Where the template `grants` is.")] = Path(
        "deploy/topics.yaml"
    ),
    profile: Annotated[str, typer.Option(help="How large: a profile of that file.")] = "production",
    *,
    as_json: AsJson = False,
) -> None:
    """Makes the grant's topic and user, and shows her password, once. Again: a new password.

    Needs OPERATOR_KEY, and streams running with KAFKA_DOOR=1 to fill the topic.
    """
    grant = Platform(origin, "OPERATOR_KEY").ask("GET", f"/integrators/{grant_id}")
    if grant["revoked_at"] is not None:
        raise stop("This grant was revoked; nothing would come through.")
    try:
        file = TopicsFile.read(topics)
        size, template = file.profiles[profile], file.templates[_TEMPLATE]
    except (OSError, ValidationError, KeyError) as error:
        raise stop(
            f"{topics} has no profile {profile!r} and template {_TEMPLATE!r} to go by "
            f"({type(error).__name__})."
        ) from None
    password = _made(grant_id, _access(servers, config), template, size)
    made = {
        "topic": name_of(grant_id),
        "user": name_of(grant_id),
        "group_prefix": group_prefix_of(grant_id),
        "mechanism": "SCRAM-SHA-512",
        "password": password,
    }
    if as_json:
        out.print_json(json.dumps(made))
        return
    console.print("The password is shown once; Kafka keeps it salted and hashed:")
    for name, value in made.items():
        out.print(f"{name}: {value}", markup=False, soft_wrap=True, highlight=False)


@kafka.command("close")
def close_door(grant_id: GrantId, servers: Servers, config: ConfigFile = None) -> None:
    """Takes the grant's rights, user and topic in Kafka away. Can be repeated."""
    try:
        _access(servers, config).close(grant_id)
    except KafkaRefuses as error:
        raise stop(str(error)) from None
    console.print(f"{name_of(grant_id)} is no more.")


def _made(grant_id: str, access: KafkaAccess, template: Topic, size: Any) -> str:
    try:
        return access.open(
            grant_id,
            partitions=size.partitions[template.partitions],
            replication=size.replication,
            settings=template.settings(size),
        )
    except KafkaRefuses as error:
        raise stop(str(error)) from None


def _access(servers: str, config: Path | None) -> KafkaAccess:
    settings: dict[str, str] = {"bootstrap.servers": servers}
    if config is not None:
        try:
            lines = config.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise stop(f"{config} cannot be read: {type(error).__name__}.") from None
        for line in lines:
            name, equals, value = line.partition("=")
            if equals and not name.lstrip().startswith("#"):
                settings[name.strip()] = value.strip()
    return KafkaAccess(settings)
