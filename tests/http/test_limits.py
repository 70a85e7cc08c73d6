"""The allowance per key: bursts, the long run, and memory that stays bounded."""

from livecredits.http.fresh import Fresh
from livecredits.http.limits import Allowance, retry_after


class HandClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_the_rate_holds() -> None:
    clock = HandClock()
    allowance = Allowance(2, 5, clock=clock)
    assert [allowance.take("a") for _ in range(5)] == [0.0] * 5
    assert allowance.take("a") == 0.5
    clock.now += 0.5
    assert allowance.take("a") == 0.0
    assert allowance.take("a") > 0


def test_in_the_long_run_exactly_the_rate_passes() -> None:
    clock = HandClock()
    allowance = Allowance(10, 1, clock=clock)
    passed = 0
    for _ in range(10_000):
        passed += allowance.take("a") == 0.0
        clock.now += 0.01
    assert passed == 1_000


def test_one_key_never_uses_up_another() -> None:
    allowance = Allowance(1, 1, clock=HandClock())
    assert allowance.take("a") == 0.0
    assert allowance.take("a") > 0
    assert allowance.take("b") == 0.0


def test_a_look_uses_nothing() -> None:
    allowance = Allowance(1, 1, clock=HandClock())
    assert [allowance.peek("a") for _ in range(3)] == [0.0] * 3
    allowance.take("a")
    assert allowance.peek("a") == 1.0


def test_a_flood_of_keys_keeps_memory_bounded_and_the_busiest_in_check() -> None:
    clock = HandClock()
    allowance = Allowance(1, 3, clock=clock, keys_max=100)
    while not allowance.take("attacker"):
        pass
    for key in range(10_000):
        allowance.take(str(key))
    assert allowance.take("attacker") > 0
    assert len(allowance._whole_at) <= 101


def test_retry_after_is_never_zero() -> None:
    assert [retry_after(wait) for wait in (0.0, 0.1, 1.0, 1.1)] == [1, 1, 1, 2]


def test_what_was_read_is_believed_for_a_while_only() -> None:
    clock = HandClock()
    fresh: Fresh[str] = Fresh(5.0, clock=clock)
    fresh.put("a", "x")
    assert fresh.get("a") == "x"
    clock.now += 5.1
    assert fresh.get("a") is None
    fresh.put("a", "y")
    fresh.forget("a")
    assert fresh.get("a") is None
