"""Which numbers count as an amount (whole, exact in every language, never a bool or a float), and which ends can be.

Every edge (HTTP, CLI, facade) asks here before a number reaches the ledger. The odd thing: Python's `bool` is an
`int`, so `True` would pass for one credit; it is refused by name.
"""

from __future__ import annotations

from livecredits.errors import Invalid

MAX_AMOUNT = 2**53 - 1
"""The largest whole number that JSON carries exactly to JavaScript (ECMA-262, `Number.MAX_SAFE_INTEGER`)."""


def whole(field: str, value: object, *, low: int = -MAX_AMOUNT, high: int = MAX_AMOUNT) -> int:
    """Promise that `value` is a whole number from `low` to `high`.

    Args:
        field: what the caller named the number; the refusal names it back.
        value: what the caller sent.
        low: the smallest allowed value.
        high: the largest allowed value.

    Returns:
        The same number.

    Raises:
        Invalid: 422 `invalid`, for floats, booleans, text and numbers outside the range.
    """
    if type(value) is not int:
        raise bad_field(field, f"must be a whole number, not {type(value).__name__}")
    if not low <= value <= high:
        raise bad_field(field, f"must be from {low} to {high}")
    return value


def positive(field: str, value: object, *, high: int = MAX_AMOUNT) -> int:
    """Promise that `value` is a whole number from 1 to `high`; raises as `whole` does."""
    return whole(field, value, low=1, high=high)


def require_future(field: str, at_us: int | None, now_us: int) -> None:
    """Refuse an end that has come already; None is no end.

    Raises:
        Invalid: 422 `invalid`.
    """
    if at_us is not None and at_us <= now_us:
        raise bad_field(field, "must be in the future")


def bad_field(field: str, message: str) -> Invalid:
    """The refusal of one field, in the shape that problem documents carry."""
    return Invalid(f"{field} {message}.", errors=[{"field": field, "message": message}])
