"""The operators' commands against an origin that answers as the services do: bodies, loops, exit codes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner

from services.streams.command_line import cli

Asked = tuple[str, str, dict[str, Any]]


class Origin:
    """Answers by path; the last answer of a path stays. Notes what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[Asked] = []
        self.keys: set[str | None] = set()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = json.loads(self.rfile.read(length) or b"{}")
                origin.asked.append((self.command, self.path, body))
                origin.keys.add(self.headers.get("authorization"))
                answers = origin.answers.get(
                    self.path.partition("?")[0], [(404, {"detail": "No such path."})]
                )
                status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
                sent = answer if isinstance(answer, str) else json.dumps(answer)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(sent.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def origin() -> Iterator[Origin]:
    origin = Origin()
    thread = threading.Thread(target=origin.server.serve_forever, args=(0.02,))
    thread.start()
    yield origin
    origin.server.shutdown()
    thread.join()
    origin.server.server_close()


def run(origin: Origin, *words: str) -> Any:
    return CliRunner().invoke(cli, words, env={"ORIGIN": origin.url, "OPERATOR_KEY": "cg_k"})


def released(count: int, *, still: int = 0, left: int = 0) -> dict[str, Any]:
    letters: list[Any] = []
    return {"released": count, "still_parked": still, "gone": 0, "left": left, "letters": letters}


def test_letters_are_sent_to_the_services_that_own_them(origin: Origin) -> None:
    for service in ("followup", "matching"):
        origin.answers[f"/{service}/parked/release"] = [(200, released(1))]
    names = ("followup.matches.0.1", "matching.pool.0.7", "followup.matches.0.2")
    result = run(origin, "dead-letters", "replay", *names, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["followup"]["released"] == 1
    bodies = {path: body["letters"] for _, path, body in origin.asked}
    assert bodies == {
        "/followup/parked/release": [names[0], names[2]],
        "/matching/parked/release": [names[1]],
    }
    assert origin.keys == {"Bearer cg_k"}


def test_what_one_request_does_not_reach_is_asked_for_again(origin: Origin) -> None:
    origin.answers["/followup/parked/release"] = [
        (200, released(500, left=300)),
        (200, released(300)),
    ]
    result = run(origin, "dead-letters", "replay", "--service", "followup", "--json")
    assert json.loads(result.stdout)["followup"]["released"] == 800
    assert len(origin.asked) == 2


def test_a_request_that_moves_nothing_is_the_last_one(origin: Origin) -> None:
    origin.answers["/followup/parked/release"] = [(200, released(0, still=500, left=300))]
    result = run(origin, "dead-letters", "replay", "--service", "followup")
    assert len(origin.asked) == 1
    assert result.exit_code == 3


def test_a_dry_run_says_what_would_happen_and_asks_once(origin: Origin) -> None:
    fate = {"letter_id": "followup.matches.0.1", "then": "waits_for_missing", "behind": 2}
    answer = {**released(0, still=1), "letters": [fate]}
    origin.answers["/followup/parked/release"] = [(200, answer)]
    result = run(origin, "dead-letters", "replay", "--service", "followup", "--dry-run")
    assert "followup.matches.0.1: waits for missing, 2 behind it" in result.stdout
    assert [body["dry_run"] for _, _, body in origin.asked] == [True]


def test_everything_is_only_meant_where_it_is_said(origin: Origin) -> None:
    assert run(origin, "dead-letters", "replay").exit_code == 2
    assert origin.asked == []
    for service in ("intake", "matching", "notifications", "followup", "streams"):
        origin.answers[f"/{service}/parked/release"] = [(200, released(0))]
    assert run(origin, "dead-letters", "replay", "--all").exit_code == 0
    assert len(origin.asked) == 5


def test_nothing_is_given_up_without_a_reason(origin: Origin) -> None:
    assert run(origin, "dead-letters", "discard", "followup.matches.0.1").exit_code == 2
    answer = {"discarded": 1, "left": 0, "letters": []}
    origin.answers["/followup/parked/discard"] = [(200, answer)]
    words = ("--because", "lost_for_good", "--reference", "OPS-7")
    assert run(origin, "dead-letters", "discard", "followup.matches.0.1", *words).exit_code == 0
    ((_, _, body),) = origin.asked
    assert (body["because"], body["reference"]) == ("lost_for_good", "OPS-7")


def test_a_refusal_is_said_in_its_own_words_and_ends_with_1(origin: Origin) -> None:
    origin.answers["/streams/replays"] = [(422, {"detail": "Start intake with RESEND_STATE=1."})]
    result = run(origin, "replay", "send", "participants")
    assert result.exit_code == 1
    assert "RESEND_STATE=1" in result.stderr


def test_an_origin_that_is_away_is_said_and_ends_with_1(origin: Origin) -> None:
    words = ("dead-letters", "list", "--origin", "http://127.0.0.1:9")
    result = run(origin, *words)
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr


def test_a_replay_is_waited_for_until_it_is_done(origin: Origin) -> None:
    told = {"state": "running", "share": 0.4, "sent": 4}
    origin.answers["/streams/replays"] = [(202, {"replay_id": "r1", "events": 9, "until": 9})]
    origin.answers["/streams/replays/r1"] = [
        (200, told),
        (200, {**told, "state": "done", "share": 1.0, "sent": 9}),
    ]
    result = run(origin, "replay", "send", "matches", "--to", "followup.matches", "--after", "3")
    assert result.exit_code == 0, result.output
    assert "9 of matches sent again (done)" in result.stdout
    assert origin.asked[0][2] == {
        "stream": "matches",
        "to": "followup.matches",
        "after": 3,
        "dry_run": False,
    }


def test_a_rebuild_tells_how_much_it_read(origin: Origin) -> None:
    lines = [{"read": 2, "position": 5, "until": 9}, {"read": 3, "position": 9, "until": 9}]
    origin.answers["/streams/projections/letters/rebuild"] = [
        (200, "".join(f"{json.dumps(line)}\n" for line in lines))
    ]
    result = run(origin, "rebuild", "letters")
    assert result.exit_code == 0, result.output
    assert "3 entries" in result.stdout
