"""What an operator does in Kafka for a grant: its topic, the integrator's user, and her rights.

Topic, user and the beginning of her consumer groups have one name, `grants.<id>`. She may read that topic,
in groups that begin with it, and nothing else. It is confluent-kafka that speaks here: aiokafka's admin
knows neither SCRAM users nor, reliably, rights. Everything can be repeated.
"""

import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from shared.errors import CommonGroundError

TOPIC_PREFIX: Final = "grants."
_AUTHORIZER: Final = "authorizer.class.name"
_ITERATIONS: Final = 8_192
_WITHIN_S: Final = 20.0


class KafkaRefuses(CommonGroundError):
    """Kafka cannot be asked, or does not do what was asked. The message says what and why."""


def name_of(grant_id: str) -> str:
    """A grant's topic, and its user."""
    return f"{TOPIC_PREFIX}{grant_id}"


def group_prefix_of(grant_id: str) -> str:
    """With what the names of the integrator's consumer groups begin."""
    return f"{name_of(grant_id)}."


class KafkaAccess:
    """Synchronous. `config`: librdkafka's settings of a user who may administrate."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        quiet: dict[str, Any] = {"socket.timeout.ms": 10_000, "log_level": 0, **config}
        self._admin = AdminClient(quiet)

    def has_rights(self) -> bool:
        """Whether the brokers enforce rights. Without them everybody may read everything.

        They say so by naming their authorizer, or by knowing rights already: to answer the question for
        rights at all is not enough, since brokers without any do that too.
        """
        try:
            known = self._admin.describe_acls(_all_rights(), request_timeout=_WITHIN_S)
            if known.result(_WITHIN_S):
                return True
            (broker, *_) = self._admin.list_topics(timeout=_WITHIN_S).brokers
            asked = ConfigResource(ConfigResource.Type.BROKER, str(broker))
            (settings,) = self._admin.describe_configs([asked]).values()
            authorizer = settings.result(_WITHIN_S).get(_AUTHORIZER)
        except (KafkaException, TimeoutError):
            return False
        return authorizer is not None and bool(authorizer.value)

    def open(
        self, grant_id: str, *, partitions: int, replication: int, settings: Mapping[str, str]
    ) -> str:
        """Makes the topic, the user and her rights; her password, which Kafka keeps salted and hashed.

        Of one who was there the password is a new one. Raises `KafkaRefuses`.
        """
        if not self.has_rights():
            raise KafkaRefuses(
                "These brokers know no rights (no authorizer), so whoever gets in reads everything. "
                "The door to Kafka opens only on Apache Kafka with an authorizer."
            )
        name = name_of(grant_id)
        topic = NewTopic(
            name, num_partitions=partitions, replication_factor=replication, config=dict(settings)
        )
        _done(
            self._admin.create_topics([topic]).values(),
            f"make the topic {name}",
            but={KafkaError.TOPIC_ALREADY_EXISTS},
        )
        _done(
            self._admin.create_acls(_rights(grant_id), request_timeout=_WITHIN_S).values(),
            f"give {name} its rights",
        )
        password = secrets.token_urlsafe(32)
        credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
        user = UserScramCredentialUpsertion(name, credential, password.encode())
        _done(self._admin.alter_user_scram_credentials([user]).values(), f"make the user {name}")
        return password

    def close(self, grant_id: str) -> None:
        """Takes rights, user and topic away. What is not there is taken away already."""
        name = name_of(grant_id)
        _done(
            self._admin.delete_acls(
                [_all_rights(f"User:{name}")], request_timeout=_WITHIN_S
            ).values(),
            f"take the rights of {name} away",
        )
        user = UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512)
        _done(
            self._admin.alter_user_scram_credentials([user]).values(),
            f"take the user {name} away",
            but={KafkaError.RESOURCE_NOT_FOUND},
        )
        _done(
            self._admin.delete_topics([name]).values(),
            f"take the topic {name} away",
            but={KafkaError.UNKNOWN_TOPIC_OR_PART},
        )


def _rights(grant_id: str) -> list[AclBinding]:
    """Read and describe her topic, read in her groups. What is not named is denied."""
    name = name_of(grant_id)
    topic = (ResourceType.TOPIC, name, ResourcePatternType.LITERAL)
    group = (ResourceType.GROUP, group_prefix_of(grant_id), ResourcePatternType.PREFIXED)
    return [
        AclBinding(*what, f"User:{name}", "*", operation, AclPermissionType.ALLOW)
        for what, operation in (
            (topic, AclOperation.READ),
            (topic, AclOperation.DESCRIBE),
            (group, AclOperation.READ),
        )
    ]


def _all_rights(principal: str | None = None) -> AclBindingFilter:
    """Whatever rights this principal (None: anybody) has."""
    any_one: Any = None
    return AclBindingFilter(
        ResourceType.ANY,
        any_one,
        ResourcePatternType.ANY,
        principal or any_one,
        any_one,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _done(futures: Iterable[Future[Any]], what: str, but: Iterable[int] = ()) -> None:
    for future in futures:
        try:
            future.result(_WITHIN_S)
        except KafkaException as error:
            fault = error.args[0]
            if fault.code() not in but:
                raise KafkaRefuses(f"Kafka did not {what}: {fault.str()}") from None
        except TimeoutError:
            raise KafkaRefuses(f"Kafka did not {what} within {_WITHIN_S:.0f} s.") from None
