"""Apache Kafka (KRaft) on the local JVM: one broker, or three as a cluster.

Each process is broker and controller. Data survives a restart; ports are new at every start.
"""

import base64
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from deploy.local.engines.accounts import write_private
from deploy.local.engines.certificates import Certificates, make_certificates
from deploy.local.engines.errors import EngineError, NodeDied, PortTaken
from deploy.local.engines.jars import POM, kafka_jars
from deploy.local.engines.node import Node
from deploy.local.engines.readiness import wait_for_brokers
from deploy.local.engines.spawn import free_ports

_ATTEMPTS: Final = 5
_FORMAT_WITHIN_S: Final = 120
_LOGGING: Final = POM.with_name("log4j2.properties")
#: A heap that suits tests; the serial collector and the first compiler start fastest on few cores.
_JVM: Final = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    f"-Dlog4j2.configurationFile={_LOGGING}",
)


class ApacheKafka:
    """One or three brokers, whose data and configuration are below `folder`.

    advertised: for each broker the `host:port` that it names to clients who come to its second
    listener, as brokers behind a proxy or a load balancer do; `second_listeners` then says where that
    one is. Empty: there is none. Brokers always talk to one another directly.

    secured: each broker also listens for strangers, at `secured_listeners`: by TLS, with names and passwords
    (SCRAM), and with the rights that they were given and no others. Who comes by the plain listener, which
    is of this machine only, may do everything.
    """

    def __init__(
        self, folder: Path, *, brokers: int, advertised: Sequence[str] = (), secured: bool = False
    ) -> None:
        self._folder = folder
        self._size = brokers
        self._advertised = tuple(advertised)
        self._is_secured = secured
        self.nodes: tuple[Node, ...] = ()
        self.second_listeners: tuple[str, ...] = ()
        self.secured_listeners: tuple[str, ...] = ()
        self.certificates: Certificates | None = None
        self.static_members = True

    def start(self) -> None:
        """Start all brokers and return when a client sees every one in service."""
        jars = kafka_jars()
        for _ in range(_ATTEMPTS):
            try:
                self._start_nodes(jars)
                wait_for_brokers([node.address for node in self.nodes], self._size)
            except PortTaken:
                self.stop()
            except BaseException:
                self.stop()
                raise
            else:
                return
        raise EngineError(f"Kafka found its ports taken {_ATTEMPTS} times: too much runs here")

    def stop(self) -> None:
        """Stop all brokers together: alone, the last would wait for a quorum that is gone."""
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.wait_until_stopped()

    def _start_nodes(self, jars: Path) -> None:
        size = self._size
        more = len(self._advertised)
        ports = free_ports(2 * size + more + (size if self._is_secured else 0))
        listeners, controllers = ports[:size], ports[size : 2 * size]
        seconds, secured = ports[2 * size : 2 * size + more], ports[2 * size + more :]
        self.second_listeners = tuple(f"127.0.0.1:{port}" for port in seconds)
        self.secured_listeners = tuple(f"127.0.0.1:{port}" for port in secured)
        if self._is_secured:
            folder = self._folder / "certificates"
            self.certificates = make_certificates(folder, "localhost", "127.0.0.1")
        ways: list[tuple[str, str] | None] = [None] * size
        if self._advertised:
            ways = list(zip(self.second_listeners, self._advertised, strict=True))
        configs = [
            self._write_config(number, listener, controllers, way)
            for number, (listener, way) in enumerate(zip(listeners, ways, strict=True), 1)
        ]
        self._format(jars, configs)
        self.nodes = tuple(
            Node(
                f"kafka-{number}",
                listener,
                [*_java(jars), "kafka.Kafka", str(config)],
                log=self._folder / "logs" / f"kafka-{number}.log",
            )
            for number, (listener, config) in enumerate(zip(listeners, configs, strict=True), 1)
        )
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_until_it_listens()

    def _write_config(
        self,
        number: int,
        listener: int,
        controllers: Sequence[int],
        way: tuple[str, str] | None,
    ) -> Path:
        file = self._folder / "kafka" / f"{number}.properties"
        settings = broker_settings(number, listener, controllers, self._data(number))
        if way is not None:
            settings |= _second_listener(settings, *way)
        if self.certificates is not None:
            listener_of_strangers = self.secured_listeners[number - 1]
            settings |= _secured_listener(settings, listener_of_strangers, self.certificates)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return file

    def _data(self, number: int) -> Path:
        return self._folder / "kafka" / str(number)

    def _format(self, jars: Path, configs: Sequence[Path]) -> None:
        """Prepare the data folders of a new cluster; one that exists keeps its id and its data."""
        stamp = self._folder / "kafka" / "cluster-id"
        if stamp.exists():
            found = sum(1 for found in stamp.parent.iterdir() if found.is_dir())
            if found != self._size:
                raise EngineError(
                    f"{stamp.parent} holds a cluster of {found}, not {self._size}: start it with "
                    f"brokers={found}, or wipe it"
                )
            return
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        with ThreadPoolExecutor(len(configs)) as pool:
            list(pool.map(lambda config: _format_one(jars, config, cluster_id), configs))
        stamp.write_text(cluster_id)


def broker_settings(
    number: int, listener: int, controllers: Sequence[int], data: Path
) -> dict[str, str | int]:
    """The settings of broker `number` (from 1) of as many as there are controller ports."""
    size = len(controllers)
    majority = size // 2 + 1
    voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(controllers, 1))
    return {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": voters,
        "listeners": (
            f"PLAINTEXT://127.0.0.1:{listener},CONTROLLER://127.0.0.1:{controllers[number - 1]}"
        ),
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{listener}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(data),
        # deploy/topics.yaml is the only creator of topics.
        "auto.create.topics.enable": "false",
        "default.replication.factor": size,
        "min.insync.replicas": majority,
        # Few partitions of Kafka's own topics: they are created at first use, while a test waits.
        "offsets.topic.replication.factor": size,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": size,
        "transaction.state.log.min.isr": majority,
        "transaction.state.log.num.partitions": 2,
        "share.coordinator.state.topic.replication.factor": size,
        "share.coordinator.state.topic.min.isr": majority,
        "share.coordinator.state.topic.num.partitions": 2,
        # Services ask for sessions of 6 s, fault tests for shorter ones.
        "group.min.session.timeout.ms": 1_000,
        "group.initial.rebalance.delay.ms": 0,
        # A broker that comes back at once is not taken in before its session of before has ended.
        "broker.session.timeout.ms": 4_000,
        "broker.heartbeat.interval.ms": 1_000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        # As production does it: nothing is rebuilt from a replica that was behind.
        "unclean.leader.election.enable": "false",
    }


def _second_listener(
    settings: Mapping[str, str | int], listener: str, advertised: str
) -> dict[str, str]:
    """What changes for a broker that also listens at `listener` and names `advertised` there."""
    more = {
        "listeners": f"PROXIED://{listener}",
        "advertised.listeners": f"PROXIED://{advertised}",
        "listener.security.protocol.map": "PROXIED:PLAINTEXT",
    }
    return {name: f"{settings[name]},{value}" for name, value in more.items()}


def _secured_listener(
    settings: Mapping[str, str | int], listener: str, certificates: Certificates
) -> dict[str, str]:
    """What changes for a broker that also listens at `listener` for strangers."""
    more = {
        "listeners": f"SECURED://{listener}",
        "advertised.listeners": f"SECURED://{listener}",
        "listener.security.protocol.map": "SECURED:SASL_SSL",
    }
    chain_and_key = certificates.key.read_text() + certificates.certificate.read_text()
    store = certificates.key.with_name("server.pem.store")
    write_private(store, chain_and_key)
    scram = "listener.name.secured.scram-sha-512.sasl.jaas.config"
    return {
        **{name: f"{settings[name]},{value}" for name, value in more.items()},
        "listener.name.secured.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        scram: "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "listener.name.secured.ssl.keystore.type": "PEM",
        "listener.name.secured.ssl.keystore.location": str(store),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        # Whoever comes by the plain listener: our services, and the brokers among themselves.
        "super.users": "User:ANONYMOUS",
    }


def _java(jars: Path) -> tuple[str, ...]:
    return ("java", *_JVM, "-cp", f"{jars}/*")


def _format_one(jars: Path, config: Path, cluster_id: str) -> None:
    command = [*_java(jars), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
    # In one word: one id in 64 begins with a dash, and would be taken for an option.
    done = subprocess.run(
        [*command, f"--cluster-id={cluster_id}", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=_FORMAT_WITHIN_S,
        check=False,
    )
    if done.returncode != 0:
        raise NodeDied(f"Kafka could not format the storage of {config}:\n{done.stderr[-2_000:]}")
