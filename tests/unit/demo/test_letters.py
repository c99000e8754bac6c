"""Mail as a simulated person reads it."""

from datetime import UTC, datetime, timedelta

from deploy.local.mailbox import StoredMessage
from deploy.local.simulation.letters import read_letter
from shared.clock import Clock
from shared.security.links import Links, Purpose

NOW = datetime(2026, 1, 6, 7, tzinfo=UTC)


class StandingClock:
    def __init__(self, instant: datetime) -> None:
        self._instant = instant

    def now(self) -> datetime:
        return self._instant


def token(
    purpose: Purpose, *, clock: Clock, match_id: str | None = "m", number: int | None = None
) -> str:
    return Links("secret", clock).sign(
        purpose,
        "her",
        programme="p",
        match_id=match_id,
        number=number,
        valid_for=timedelta(days=30),
    )


def mail(
    text: str, *, subject: str = "How is it going?", to: str = "Her@example.org"
) -> StoredMessage:
    return StoredMessage(1, NOW, to, "us@example.org", "<1>", subject, text, "", {})


def a_check_in(port: int, at: datetime) -> StoredMessage:
    clock = StandingClock(at)
    check_in = token(Purpose.CHECK_IN, clock=clock, number=2)
    me = token(Purpose.MY_PAGE, clock=clock)
    return mail(
        "Kære Åse\n\nSvar:\n"
        f"http://127.0.0.1:{port}/intake/check-in?token={check_in}\n\n--\nDin side:\n"
        f"http://127.0.0.1:{port}/intake/me?token={me}\n"
    )


def test_links_are_found_with_the_page_that_they_lead_to() -> None:
    letter = read_letter(a_check_in(8080, NOW))
    assert [link.page for link in letter.links] == ["check-in", "me"]
    assert letter.to == "her@example.org"
    assert not letter.invites_to_her_page
    link = letter.link_to("check-in")
    assert link is not None
    assert link.url.startswith("http://127.0.0.1:8080/intake/check-in?token=")


def test_a_reminder_is_about_the_same_thing_though_its_link_expires_later() -> None:
    asked = read_letter(a_check_in(8080, NOW)).links[0]
    reminded = read_letter(a_check_in(8080, NOW + timedelta(days=2))).links[0]
    assert asked.url != reminded.url
    assert asked.thing == reminded.thing
    assert asked.thing is not None
    assert (asked.thing.match_id, asked.thing.number) == ("m", 2)


def test_the_words_are_the_same_wherever_the_platform_runs() -> None:
    one, other = read_letter(a_check_in(8080, NOW)), read_letter(a_check_in(9090, NOW))
    assert one.words == other.words
    assert one.words != read_letter(mail("Something else")).words


def test_a_message_that_invites_to_her_page_has_its_link_twice() -> None:
    url = f"http://127.0.0.1/intake/me?token={token(Purpose.MY_PAGE, clock=StandingClock(NOW))}"
    assert read_letter(mail(f"Back:\n{url}\n--\n{url}\n")).invites_to_her_page


def test_links_between_marks_of_direction_and_links_of_others_are_read_too() -> None:
    url = "https://example.org/somewhere?token=not-ours"
    letter = read_letter(mail(f"رابط\n{url}\n"))
    assert letter.links[0].url == url
    assert letter.links[0].thing is None


def test_a_coordinators_letter_names_its_match() -> None:
    match_id = "0192f0c1-aaaa-7bbb-8ccc-0123456789ab"
    assert read_letter(mail(f"It is match {match_id}. {match_id}")).ids == (match_id,)
