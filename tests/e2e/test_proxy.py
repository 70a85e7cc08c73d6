"""The cable that the browser tests pull leaves nothing open behind it, whatever it was doing when it went."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import warnings

from tests.e2e.proxy import Cable, Middlebox


def test_what_was_being_joined_when_the_cable_went_is_closed() -> None:
    with (
        warnings.catch_warnings(record=True) as left,
        socket.create_server(("127.0.0.1", 0), backlog=4096) as target,
    ):
        warnings.simplefilter("always", ResourceWarning)
        for kind in (Cable, Middlebox) * 10:
            with kind(target.getsockname()[1]) as cable:
                screens = threading.Thread(target=_come_until_refused, args=(cable.port,))
                screens.start()
            screens.join()
        gc.collect()
    assert [str(one.message) for one in left] == []


def _come_until_refused(port: int) -> None:
    """Open screens, as a browser does that reconnects at once."""
    with contextlib.ExitStack() as screens, contextlib.suppress(OSError):
        for _ in range(100):
            screens.enter_context(socket.create_connection(("127.0.0.1", port), timeout=1))
