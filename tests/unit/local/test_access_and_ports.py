import socket
import sys
from pathlib import Path

import pytest

from deploy.local.access import load_or_make
from deploy.local.ports import ReservedPort
from deploy.local.processes import RestartPolicy
from shared.security.keys import scope_of
from shared.security.scopes import EVERYTHING


def test_services_are_given_hashes_and_never_the_keys(tmp_path: Path) -> None:
    secrets = load_or_make(tmp_path / "secrets.json")
    given = secrets.environment()
    assert scope_of(secrets.keys.operator, [given["OPERATOR_KEY_HASHES"]]) == EVERYTHING
    assert scope_of(secrets.keys.coordinator, [given["COORDINATOR_KEY_HASHES"]]) == EVERYTHING
    assert not {secrets.operator_key, secrets.coordinator_key} & set(given.values())


def test_every_directory_has_secrets_of_its_own(tmp_path: Path) -> None:
    first, second = (load_or_make(tmp_path / name) for name in ("a.json", "b.json"))
    assert first.link_secret != second.link_secret
    assert load_or_make(tmp_path / "a.json") == first


def test_a_crash_while_secrets_were_written_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "secrets.new").write_text('{"link_')
    assert load_or_make(tmp_path / "secrets.json").link_secret


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a port for a child")
def test_a_reserved_port_is_for_a_server_of_ours_and_for_nobody_else() -> None:
    reserved = ReservedPort()
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", reserved.number))
    with (
        socket.create_server(("127.0.0.1", reserved.number)) as ours,
        socket.create_connection(ours.getsockname()),
    ):
        pass
    with socket.create_server(("127.0.0.1", reserved.number)):
        pass  # and again, as after a crash
    reserved.release()


def test_a_wanted_port_that_is_taken_gives_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        reserved = ReservedPort(taken)
    assert reserved.number != taken
    reserved.release()


def test_a_wanted_port_that_is_reserved_gives_another() -> None:
    first = ReservedPort()
    second = ReservedPort(first.number)
    assert second.number != first.number
    first.release()
    second.release()


def test_pauses_before_a_restart_grow_and_are_bounded() -> None:
    pauses = [RestartPolicy().pause_s(deaths) for deaths in range(1, 10)]
    assert pauses[0] == 0.2
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0
