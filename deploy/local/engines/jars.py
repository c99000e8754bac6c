"""The jars of Apache Kafka, fetched once by Maven for all runs of this checkout.

`python -m deploy.local.engines.jars` fetches them ahead of time, as CI does.
"""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.engines.errors import EngineError

POM: Final = Path(__file__).parents[1] / "apache" / "pom.xml"
JARS: Final = Path(__file__).parents[3] / "var" / "apache-kafka"
_FETCH_WITHIN_S: Final = 600


def missing_tools() -> tuple[str, ...]:
    """The programs that Apache Kafka needs and that are not on this machine."""
    return tuple(tool for tool in ("java", "mvn") if shutil.which(tool) is None)


def kafka_jars() -> Path:
    """The folder with the jars, filled at the first call and whenever the POM has changed.

    Raises `EngineError` where Java or Maven is missing, or Maven cannot fetch.
    """
    if missing := missing_tools():
        raise EngineError(
            f"Apache Kafka needs {' and '.join(missing)}: install a JDK 17 or later and Maven, "
            "or choose the engine `embedded`"
        )
    folder = JARS / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    JARS.mkdir(parents=True, exist_ok=True)
    with (JARS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one fetches, the others wait for it
        if not folder.exists():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    draft = folder.with_suffix(".fetching")
    shutil.rmtree(draft, ignore_errors=True)
    command = [
        *("mvn", "--batch-mode", "--quiet", "--file", str(POM)),
        "dependency:copy-dependencies",
        *("-DincludeScope=runtime", f"-DoutputDirectory={draft}"),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_FETCH_WITHIN_S)
    except subprocess.CalledProcessError as error:
        raise EngineError(
            f"Maven could not fetch Apache Kafka (is there a network?):\n{error.stdout[-2_000:]}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"Maven did not fetch Apache Kafka within {_FETCH_WITHIN_S} s: try again"
        ) from error
    draft.rename(folder)  # only now is it complete


if __name__ == "__main__":
    print(f"{len(list(kafka_jars().iterdir()))} jars of Apache Kafka are there")
