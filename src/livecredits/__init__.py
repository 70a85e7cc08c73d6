"""Prepaid credits for the users of an app, live on every open screen.

The public names, each loaded when it is first used: a host app pays for the import of what it touches, and
`import livecredits` itself takes milliseconds. A test holds `__all__` to what can really be imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livecredits.client import AsyncClient, Client
    from livecredits.clock import Clock
    from livecredits.config import Settings
    from livecredits.core.changes import Actor, Change
    from livecredits.core.rows import AccountState, Cause, Entry
    from livecredits.credits import Credits, SyncCredits
    from livecredits.credits.batches import BatchRow
    from livecredits.errors import (
        AccountFrozen,
        AlreadyFulfilled,
        AlreadyRedeemed,
        AlreadyReversed,
        BalanceLimit,
        CodeTaken,
        Conflict,
        Draining,
        HoldClosed,
        InsufficientCredits,
        Invalid,
        KeyReused,
        LivecreditsError,
        NotFound,
        NotReversible,
        OrderClosed,
        OrderNotFulfilled,
        OrderSpent,
        OutcomeUnknown,
        PackageChanged,
        PackageOrdered,
        RateLimited,
        Refused,
        StartRefused,
        StorageFailed,
        StorageFull,
        Unavailable,
        VersionMismatch,
        VoucherExpired,
        VoucherNotYetValid,
        VoucherRevoked,
        VoucherUsed,
        WrongCheckSymbol,
    )
    from livecredits.storage.answers import Answer
    from livecredits.storage.batches import BatchResult
    from livecredits.storage.shop_views import (
        Billing,
        Campaign,
        Funnel,
        Order,
        Package,
        RedemptionView,
        VoucherView,
    )
    from livecredits.storage.views import Balance, HistoryEntry, HoldView, Page

__version__ = "0.1.0"

_HOMES = {
    "livecredits.client": ("AsyncClient", "Client"),
    "livecredits.clock": ("Clock",),
    "livecredits.config": ("Settings",),
    "livecredits.core.changes": ("Actor", "Change"),
    "livecredits.core.rows": ("AccountState", "Cause", "Entry"),
    "livecredits.credits": ("Credits", "SyncCredits"),
    "livecredits.credits.batches": ("BatchRow",),
    "livecredits.errors": (
        "AccountFrozen", "AlreadyFulfilled", "AlreadyRedeemed", "AlreadyReversed", "BalanceLimit", "CodeTaken",
        "Conflict", "Draining", "HoldClosed", "InsufficientCredits", "Invalid", "KeyReused", "LivecreditsError",
        "NotFound", "NotReversible", "OrderClosed", "OrderNotFulfilled", "OrderSpent", "OutcomeUnknown",
        "PackageChanged", "PackageOrdered", "RateLimited", "Refused", "StartRefused", "StorageFailed", "StorageFull",
        "Unavailable", "VersionMismatch", "VoucherExpired", "VoucherNotYetValid", "VoucherRevoked",
        "VoucherUsed", "WrongCheckSymbol",
    ),
    "livecredits.storage.answers": ("Answer",),
    "livecredits.storage.batches": ("BatchResult",),
    "livecredits.storage.shop_views": (
        "Billing", "Campaign", "Funnel", "Order", "Package", "RedemptionView", "VoucherView",
    ),
    "livecredits.storage.views": ("Balance", "HistoryEntry", "HoldView", "Page"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AccountFrozen",
    "AccountState",
    "Actor",
    "AlreadyFulfilled",
    "AlreadyRedeemed",
    "AlreadyReversed",
    "Answer",
    "AsyncClient",
    "Balance",
    "BalanceLimit",
    "BatchResult",
    "BatchRow",
    "Billing",
    "Campaign",
    "Cause",
    "Change",
    "Client",
    "Clock",
    "CodeTaken",
    "Conflict",
    "Credits",
    "Draining",
    "Entry",
    "Funnel",
    "HistoryEntry",
    "HoldClosed",
    "HoldView",
    "InsufficientCredits",
    "Invalid",
    "KeyReused",
    "LivecreditsError",
    "NotFound",
    "NotReversible",
    "Order",
    "OrderClosed",
    "OrderNotFulfilled",
    "OrderSpent",
    "OutcomeUnknown",
    "Package",
    "PackageChanged",
    "PackageOrdered",
    "Page",
    "RateLimited",
    "RedemptionView",
    "Refused",
    "Settings",
    "StartRefused",
    "StorageFailed",
    "StorageFull",
    "SyncCredits",
    "Unavailable",
    "VersionMismatch",
    "VoucherExpired",
    "VoucherNotYetValid",
    "VoucherRevoked",
    "VoucherUsed",
    "VoucherView",
    "WrongCheckSymbol",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
