"""The remote twin of `livecredits.Credits`: the same verbs over HTTP, blocking (`Client`) or not (`AsyncClient`).

    with Client("https://credits.example", "lck_…") as credits:
        credits.spend("ada", 5, key=f"job:{job_id}")

Promises: errors are the classes of `livecredits.errors`; retries never move credits twice (see `exchange`). Needs the
extra `client` (httpx2). Must not know the ledger, storage or the server: it installs without them.
The odd thing: each verb is written once, as a pure function (`calls` and its neighbours), and both classes lift it.
"""

from __future__ import annotations

from livecredits.client.admin_results import (
    Account,
    AuditRow,
    Key,
    NewKey,
    Operator,
    Screen,
    SignInCode,
    Unit,
    User,
    UserDetail,
)
from livecredits.client.awaitable import AsyncClient
from livecredits.client.blocking import Client
from livecredits.client.call import (
    About,
    AboutOrder,
    AboutOrderShown,
    AboutOwn,
    AboutOwnShown,
    AboutShown,
    Awaited,
)
from livecredits.client.exchange import Patience
from livecredits.client.results import (
    Amounts,
    Answer,
    Balance,
    Entry,
    Hold,
    Lot,
    NextExpiry,
    Page,
    Receipts,
    Token,
)
from livecredits.client.shop_results import (
    BatchHead,
    BatchResult,
    BatchRow,
    Billing,
    Bought,
    Campaign,
    Funnel,
    Order,
    Package,
    Redemption,
    RowResult,
    Total,
    Voucher,
)

__all__ = [
    "About",
    "AboutOrder",
    "AboutOrderShown",
    "AboutOwn",
    "AboutOwnShown",
    "AboutShown",
    "Account",
    "Amounts",
    "Answer",
    "AsyncClient",
    "AuditRow",
    "Awaited",
    "Balance",
    "BatchHead",
    "BatchResult",
    "BatchRow",
    "Billing",
    "Bought",
    "Campaign",
    "Client",
    "Entry",
    "Funnel",
    "Hold",
    "Key",
    "Lot",
    "NewKey",
    "NextExpiry",
    "Operator",
    "Order",
    "Package",
    "Page",
    "Patience",
    "Receipts",
    "Redemption",
    "RowResult",
    "Screen",
    "SignInCode",
    "Token",
    "Total",
    "Unit",
    "User",
    "UserDetail",
    "Voucher",
]
