import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from deploy.local.held import DirectoryInUse
from deploy.local.processes import CrashLoop
from deploy.local.settings import PROJECT
from deploy.local.supervisor import Platform
from tests.integration.local.conftest import Ground
from tests.integration.local.fakes import until

STANDALONE = Path(__file__).with_name("standalone.py")


async def seen(platform: Platform, name: str = "intake") -> dict[str, object]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer: dict[str, object] = (await client.get(f"{platform.origin_url}/{name}/seen")).json()
        return answer


async def test_services_get_all_settings_of_the_contract(platform: Platform) -> None:
    settings = (await seen(platform))["settings"]
    assert isinstance(settings, dict)
    assert settings["KAFKA_URL"] == "127.0.0.1:1"
    assert settings["STATIC_MEMBERS"] == "True"
    assert settings["MONGODB_URL"] == "mongodb://intake@127.0.0.1:1/intake"
    assert settings["PUBLIC_URL"] == platform.origin_url
    assert settings["SMTP_URL"].startswith("smtp://127.0.0.1:")
    assert settings["SEED"] == "1"
    assert settings["INSTANCE"] == "intake-1"
    assert settings["RESEND_STATE"] is None
    assert settings["OPERATOR_KEY_HASHES"] not in {"", platform.keys.operator}


async def test_secrets_are_kept_for_the_owner_only_and_stay_between_runs(ground: Ground) -> None:
    async with ground.platform() as first:
        keys = first.keys
    path = ground.settings.directory / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with ground.platform() as second:
        assert second.keys == keys


async def test_a_killed_service_comes_back_on_its_port_and_it_is_said_once(
    ground: Ground, platform: Platform
) -> None:
    intake, url, before = platform.service("intake"), platform.service("intake").url, 0
    before = intake.pid or 0
    intake.kill()
    await until(lambda: intake.pid not in {None, before})
    await platform.ready(["intake"])
    assert intake.url == url
    assert (await seen(platform))["pid"] == intake.pid
    assert ground.said().count("intake was ended by SIGKILL; starting it again") == 1
    assert intake.starts == 2


async def test_the_mail_server_and_the_origin_come_back_too(platform: Platform) -> None:
    before = {name: platform.service(name).starts for name in ("mail", "origin")}
    for name in before:
        platform.service(name).kill()
    await until(lambda: all(platform.service(name).starts > n for name, n in before.items()))
    await platform.ready()
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{platform.origin_url}/mailbox/")
    assert answer.status_code == 200


async def test_an_ordered_restart_counts_as_no_death(ground: Ground, platform: Platform) -> None:
    intake = platform.service("intake")
    before = intake.pid
    intake.restart()
    await until(lambda: intake.pid not in {None, before})
    await platform.ready(["intake"])
    assert ground.ended.read_text() == "intake\n"
    assert "starting it again" not in ground.said()


async def test_what_was_started_later_is_drained_with_the_others_and_ends_with_them(
    ground: Ground,
) -> None:
    async with ground.platform() as platform:
        another = await platform.start_another("intake")
        await platform.halt("matching")
        await platform.start_again("matching", {})
        pids = [platform.service(name).pid for name in ("intake", "matching", another.name)]
    assert "Not drained" not in ground.said()
    assert not [pid for pid in pids if pid is not None and psutil.pid_exists(pid)]


async def test_a_crash_loop_stops_everything_and_says_why(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CRASHES", "matching")
    platform = ground.platform()
    with pytest.raises(CrashLoop, match="matching died 5 times within 30 s") as raised:
        async with platform:
            pass
    assert "the setting MOON is missing" in str(raised.value)
    assert all(platform.service(name).pid is None for name in ("intake", "matching", "origin"))


async def test_work_is_given_up_when_a_process_keeps_dying(ground: Ground) -> None:
    async with ground.platform() as platform:
        matching = platform.service("matching")

        async def kill_for_ever() -> None:
            while True:
                matching.kill()
                await asyncio.sleep(0.01)

        with pytest.raises(CrashLoop):
            await platform.guard(kill_for_ever())
        with pytest.raises(CrashLoop):
            await platform.settle()


async def test_two_platforms_never_share_a_directory(ground: Ground, platform: Platform) -> None:
    second = ground.platform()
    with pytest.raises(DirectoryInUse, match="stop it first"):
        async with second:
            pass
    with pytest.raises(DirectoryInUse):
        second.wipe()


async def test_all_logs_are_kept_as_json_lines(ground: Ground, platform: Platform) -> None:
    path = ground.settings.directory / "logs" / "matching.jsonl"
    await until(path.exists)
    events = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert events[0] == "matching is there"
    assert "matching is there" in ground.said()


Supervisor = subprocess.Popen[str]


@pytest.fixture
def standalone(ground: Ground) -> Iterator[Callable[..., Supervisor]]:
    """Starts supervisors in processes of their own; given settings are added to the environment."""
    with ExitStack() as stack:

        def start(**environment: str) -> Supervisor:
            supervisor = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(STANDALONE), str(ground.settings.var)],
                    env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    start_new_session=True,
                )
            )
            stack.callback(supervisor.kill)
            return supervisor

        yield start


def pids(supervisor: Supervisor) -> dict[str, int]:
    assert supervisor.stdout is not None
    for line in supervisor.stdout:
        if line.startswith("PIDS "):
            found: dict[str, int] = json.loads(line.removeprefix("PIDS "))
            return found
    raise AssertionError("the supervisor ended before it was ready")


def test_ctrl_c_drains_services_first_and_ends_with_the_engine(
    ground: Ground, standalone: Callable[..., Supervisor]
) -> None:
    supervisor = standalone()
    children = pids(supervisor)
    assert all(os.getpgid(pid) == pid for pid in children.values())
    # As a terminal does it: to the whole foreground group, in which the children are not.
    os.killpg(supervisor.pid, signal.SIGINT)
    said, _ = supervisor.communicate(timeout=30)
    assert supervisor.returncode == 0, said
    assert "Stopping in good order" in said
    assert sorted(ground.ended.read_text().splitlines()[:2]) == ["intake", "matching"]
    assert ground.ended.read_text().splitlines()[2:] == ["engine"]
    assert "starting it again" not in said
    assert "Traceback" not in said
    assert not [pid for pid in children.values() if psutil.pid_exists(pid)]


def test_a_second_ctrl_c_kills_at_once(standalone: Callable[..., Supervisor]) -> None:
    supervisor = standalone(FAKE_HANGS="1")
    children = pids(supervisor)
    began = time.monotonic()
    os.killpg(supervisor.pid, signal.SIGINT)
    assert supervisor.stdout is not None
    for line in supervisor.stdout:
        if "Stopping in good order" in line:
            break
    os.killpg(supervisor.pid, signal.SIGINT)
    supervisor.communicate(timeout=30)
    assert supervisor.returncode == 130
    assert time.monotonic() - began < 5.0
    asyncio.run(until(lambda: not [pid for pid in children.values() if _lives(pid)]))


def test_a_supervisor_that_is_killed_leaves_no_child_behind(
    ground: Ground, standalone: Callable[..., Supervisor]
) -> None:
    supervisor = standalone()
    children = pids(supervisor)
    assert set(children) == {"intake", "matching", "origin", "mail", "identity"}
    supervisor.kill()
    supervisor.communicate(timeout=30)
    asyncio.run(until(lambda: not [pid for pid in children.values() if _lives(pid)]))
    assert not ground.ended.exists()


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
