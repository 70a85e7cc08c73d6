"""Whether the node in this container can take changes: exit code 0 where `/readyz` answers 200.

Promises: it ends within three seconds and needs nothing but Python. A node that is stopping, or whose database does
not answer, is not ready: a proxy must not send to it, and that it be started anew is not called for.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

TIMEOUT_S = 2.5


def main() -> int:
    """Ask once."""
    port = (*sys.argv[1:], "8300")[0]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=TIMEOUT_S):
            return 0
    except urllib.error.HTTPError as error:
        sys.stderr.write(f"not ready: {error.read(500).decode(errors='replace')}\n")
    except OSError as error:
        sys.stderr.write(f"no answer on port {port}: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
