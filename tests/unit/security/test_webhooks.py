"""Our signatures of webhooks, read by the specification's own package."""

import json
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.security.hashing import KeyedHash
from shared.security.webhooks import new_seed, secret_of, signature, signed_headers

HASHES = KeyedHash("the service's own key")
BODY = json.dumps({"id": "matches/1:1", "story": "مرحبا"}).encode()


def a_secret() -> str:
    return secret_of(new_seed(), HASHES)


def test_the_specifications_own_package_verifies_our_signature() -> None:
    secret = a_secret()
    headers = dict(signed_headers([secret], "msg_1", int(time.time()), BODY))
    assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)


def test_the_signature_of_the_specifications_example() -> None:
    """From the specification's repository: secret, id, time, body and what comes out."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    found = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("what", ["body", "webhook-id", "webhook-timestamp", "webhook-signature"])
def test_what_was_tampered_with_is_rejected(what: str) -> None:
    secret = a_secret()
    now = int(time.time())
    headers = dict(signed_headers([secret], "msg_1", now, BODY))
    body = BODY
    if what == "body":
        body = BODY.replace(b"1:1", b"1:2")
    elif what == "webhook-timestamp":
        headers[what] = str(now - 1)
    elif what == "webhook-id":
        headers[what] = "msg_2"
    else:
        headers[what] = signature(a_secret(), "msg_1", now, BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_an_old_message_is_rejected_however_well_it_is_signed() -> None:
    secret = a_secret()
    headers = dict(signed_headers([secret], "msg_1", int(time.time()) - 600, BODY))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_while_a_secret_is_replaced_both_fit_and_no_third_does() -> None:
    old, new, other = a_secret(), a_secret(), a_secret()
    headers = dict(signed_headers([new, old], "msg_1", int(time.time()), BODY))
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(BODY, headers)


def test_a_seed_alone_tells_nothing_of_the_secret() -> None:
    seed = new_seed()
    assert secret_of(seed, HASHES) == secret_of(seed, HASHES)
    assert secret_of(seed, HASHES) != secret_of(seed, KeyedHash("another key"))
    assert seed not in secret_of(seed, HASHES)
