"""What a verdict says of itself."""

from tests.faults.verdict import Verdict


def test_many_losses_hide_no_wrong_that_is_beside_them() -> None:
    lost = tuple(f"lost {number}" for number in range(40))
    verdict = Verdict(
        0, 0, lost=lost, doubled=(), wrong=("overbooked",), resent=0, events=0, repeats=0
    )
    assert verdict.passed is False
    assert verdict.why.startswith("lost 0; lost 1; ")
    assert verdict.why.endswith("; and 20 more like these; overbooked")
