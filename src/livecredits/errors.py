"""Every way in which livecredits says no, with one stable code each.

    LivecreditsError
    ├── Refused                     the ledger or the guard answered with a reason
    │   ├── Malformed        400    the request cannot be read at all
    │   ├── Unauthenticated  401    no credential, or one that is not good
    │   │   └── TokenExpired        the credential was good; get a new one
    │   ├── InsufficientCredits 402 `needed`, `available`
    │   ├── Forbidden        403    a good credential without this right
    │   │   ├── OriginNotAllowed    a browser page from elsewhere
    │   │   └── OverOperatorLimit   more than this operator may move in one change
    │   ├── NotFound         404    absent, or not yours: the same answer
    │   ├── MethodNotAllowed 405
    │   ├── NotAcceptable    406
    │   ├── Conflict         409    the thing is no longer in the state that this needs
    │   │   ├── AlreadyReversed     `reversed_by`
    │   │   ├── NotReversible
    │   │   ├── HoldClosed          `state`
    │   │   ├── AccountFrozen
    │   │   ├── AlreadyFulfilled    `fulfilled_by`, `fulfilled_at`, `entry`
    │   │   ├── OrderClosed         `state`
    │   │   ├── OrderNotFulfilled
    │   │   ├── OrderSpent          `left`, `amount`
    │   │   ├── PackageChanged      `package` as it is now
    │   │   ├── PackageOrdered      it was ordered, so it can only be deactivated
    │   │   ├── VoucherUsed
    │   │   ├── AlreadyRedeemed     by this user
    │   │   ├── VoucherNotYetValid
    │   │   └── CodeTaken           another voucher has this code
    │   ├── Gone             410
    │   │   ├── VoucherExpired
    │   │   └── VoucherRevoked
    │   ├── VersionMismatch  412    `version`, `balance` as they are now
    │   ├── TooLarge         413
    │   ├── UnsupportedMedia 415
    │   ├── Invalid          422    a field is out of its range; `errors` names it
    │   │   ├── BalanceLimit        the balance would leave ±(2^53 − 1)
    │   │   ├── WrongCheckSymbol    the voucher's code has a typing error
    │   │   └── KeyReused           the idempotency key belongs to another request
    │   ├── RateLimited      429    `retry_after_s`
    │   └── Unavailable      503    try again with the same key
    │       ├── OutcomeUnknown      the commit was neither confirmed nor denied
    │       ├── Draining            this process is stopping
    │       ├── StorageFull         the disk is full; nothing was written
    │       └── StorageFailed       the database failed for good; reopen it
    └── StartRefused                the process cannot start, and says why

A refusal is an outcome, not an accident: the pure core returns it as a value (`core.ledger.Refusal`), and only the
edges raise it. `from_code` is the way back from a stored refusal to its leaf, so that a replayed answer is the
same as the first one. A leaf's docstring is its title in a problem document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class LivecreditsError(Exception):
    """Anything that this package raises on purpose."""


class StartRefused(LivecreditsError):
    """The process cannot start."""


class Refused(LivecreditsError):
    """The request was refused."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, **extra: Any) -> None:
        """Make the refusal.

        Args:
            detail: one sentence for a human, naming what was refused and why.
            extra: JSON-able facts a program can act on (`needed`, `version` …).
        """
        super().__init__(detail)
        self.detail = detail
        self.extra: dict[str, Any] = extra
        self.replayed = False
        """Whether an idempotency key gave this refusal before."""

    @property
    def title(self) -> str:
        """The kind of refusal in a few words: the first line of the leaf's docstring."""
        return (type(self).__doc__ or "").strip().partition("\n")[0].rstrip(".")


class Malformed(Refused):
    """The request cannot be read."""

    code = "malformed"
    status = 400


class Unauthenticated(Refused):
    """A valid credential is needed."""

    code = "unauthenticated"
    status = 401


class TokenExpired(Unauthenticated):
    """The token has expired."""

    code = "token_expired"


class InsufficientCredits(Refused):
    """There are not enough credits."""

    code = "insufficient_credits"
    status = 402

    @property
    def needed(self) -> int:
        """How many credits the change asked for."""
        return int(self.extra["needed"])

    @property
    def available(self) -> int:
        """How many credits there were: settled − held. A floor below zero lends beyond that."""
        return int(self.extra["available"])


class Forbidden(Refused):
    """This credential does not have the right."""

    code = "forbidden"
    status = 403


class OriginNotAllowed(Forbidden):
    """Pages of this origin may not do that."""

    code = "origin_not_allowed"


class OverOperatorLimit(Forbidden):
    """The change is larger than this operator may make."""

    code = "over_operator_limit"


class NotFound(Refused):
    """There is no such thing."""

    code = "not_found"
    status = 404


class MethodNotAllowed(Refused):
    """This address does not take that method."""

    code = "method_not_allowed"
    status = 405


class NotAcceptable(Refused):
    """There is no such form of it."""

    code = "not_acceptable"
    status = 406


class Conflict(Refused):
    """The thing has changed meanwhile."""

    code = "conflict"
    status = 409


class AlreadyReversed(Conflict):
    """The entry was reversed before."""

    code = "already_reversed"


class NotReversible(Conflict):
    """Entries of this kind cannot be reversed."""

    code = "not_reversible"


class HoldClosed(Conflict):
    """The hold is no longer open."""

    code = "hold_closed"


class AccountFrozen(Conflict):
    """The account is frozen."""

    code = "account_frozen"


class AlreadyFulfilled(Conflict):
    """The order was fulfilled before."""

    code = "already_fulfilled"


class OrderClosed(Conflict):
    """The order is closed."""

    code = "order_closed"


class OrderNotFulfilled(Conflict):
    """The order is not fulfilled yet."""

    code = "order_not_fulfilled"


class OrderSpent(Conflict):
    """Part of the order's credits is spent."""

    code = "order_spent"


class PackageChanged(Conflict):
    """The package is no longer as it was shown."""

    code = "package_changed"


class PackageOrdered(Conflict):
    """The package has been ordered."""

    code = "package_ordered"


class VoucherUsed(Conflict):
    """The voucher has been used."""

    code = "voucher_used"


class AlreadyRedeemed(Conflict):
    """The user has redeemed it before."""

    code = "already_redeemed"


class VoucherNotYetValid(Conflict):
    """The voucher is not valid yet."""

    code = "voucher_not_yet_valid"


class CodeTaken(Conflict):
    """Another voucher has this code."""

    code = "code_taken"


class Gone(Refused):
    """It has ended."""

    code = "gone"
    status = 410


class VoucherExpired(Gone):
    """The voucher has expired."""

    code = "voucher_expired"


class VoucherRevoked(Gone):
    """The voucher has been withdrawn."""

    code = "voucher_revoked"


class VersionMismatch(Refused):
    """The balance has moved since it was read."""

    code = "version_mismatch"
    status = 412


class TooLarge(Refused):
    """The request is too large."""

    code = "too_large"
    status = 413


class UnsupportedMedia(Refused):
    """The body is not of a type this address reads."""

    code = "unsupported_media_type"
    status = 415


class Invalid(Refused):
    """A value is not allowed."""

    code = "invalid"
    status = 422


class BalanceLimit(Invalid):
    """The balance would leave the range of exact numbers."""

    code = "balance_limit"


class WrongCheckSymbol(Invalid):
    """The code has a typing error."""

    code = "wrong_check_symbol"


class KeyReused(Invalid):
    """The idempotency key belongs to another request."""

    code = "idempotency_key_reused"


class RateLimited(Refused):
    """Too many requests."""

    code = "rate_limited"
    status = 429
    retryable = True


class Unavailable(Refused):
    """The service cannot do that right now."""

    code = "unavailable"
    status = 503
    retryable = True


class OutcomeUnknown(Unavailable):
    """It is not known whether the change was made."""

    code = "outcome_unknown"


class Draining(Unavailable):
    """This process is stopping."""

    code = "draining"


class StorageFull(Unavailable):
    """The disk is full."""

    code = "storage_full"


class StorageFailed(Unavailable):
    """The database failed and must be opened anew."""

    code = "storage_failed"


def _leaves(root: type[Refused]) -> dict[str, type[Refused]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found.update(_leaves(child))
    return found


BY_CODE: Mapping[str, type[Refused]] = _leaves(Refused)
"""Every refusal's class by its stable code."""


def from_code(code: str, detail: str, extra: Mapping[str, Any]) -> Refused:
    """The typed refusal that a stored or received `code` stands for; an unknown code gives a plain `Refused`."""
    return BY_CODE.get(code, Refused)(detail, **extra)
