"""How topics are to be: the file `deploy/topics.yaml`, read and checked."""

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

Size = Literal["busy", "modest", "single"]


class Profile(BaseModel):
    """How large a deployment is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replication: PositiveInt
    min_insync_replicas: PositiveInt
    partitions: dict[Size, PositiveInt]


class Topic(BaseModel):
    """One topic as the file describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: Size
    cleanup: Literal["compact", "delete"]
    segment: timedelta
    retention: timedelta | None = None
    max_compaction_lag: timedelta | None = None
    max_message_bytes: PositiveInt | None = None

    @model_validator(mode="after")
    def _says_when_records_go(self) -> Self:
        if (self.cleanup == "compact") == (self.max_compaction_lag is None):
            raise ValueError("cleanup `compact` needs max_compaction_lag, and only compact has it")
        if (self.cleanup == "delete") == (self.retention is None):
            raise ValueError("cleanup `delete` needs retention, and only delete has it")
        return self

    def settings(self, profile: Profile) -> dict[str, str]:
        """Kafka's settings of this topic, by Kafka's names."""
        wanted: dict[str, str | int | timedelta | None] = {
            "cleanup.policy": self.cleanup,
            "segment.ms": self.segment,
            "retention.ms": self.retention,
            "max.compaction.lag.ms": self.max_compaction_lag,
            "max.message.bytes": self.max_message_bytes,
            "min.insync.replicas": profile.min_insync_replicas,
        }
        return {name: kafka_value(value) for name, value in wanted.items() if value is not None}


class TopicsFile(BaseModel):
    """The whole of deploy/topics.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profiles: dict[str, Profile]
    topics: dict[str, Topic]
    templates: dict[str, Topic] = {}
    """Of topics that are made when they are needed, by what they are for."""

    @classmethod
    def read(cls, file: Path) -> Self:
        """The file, checked. Raises `pydantic.ValidationError` that names what is wrong in it."""
        return cls.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def kafka_value(value: str | int | timedelta) -> str:
    """Kafka writes durations as whole milliseconds."""
    if isinstance(value, timedelta):
        return str(value // timedelta(milliseconds=1))
    return str(value)
