"""The real `livecredits serve` on one file and one port, started and stopped as often as one likes."""

from __future__ import annotations

import json
import select
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx2
from tests.demo_process import START_S, free_port, spawn

SECRET = "a secret of more than thirty-two characters"


class Server:
    """Commands go to its file, requests to its port with a key of all scopes; `said` is what it wrote when it ended."""

    def __init__(self, file: Path, *, key: str | None = None, **settings: str) -> None:
        self.file = file
        self.port = free_port()
        self.said = ""
        self.settings = {
            "LIVECREDITS_DATABASE_URL": f"sqlite:///{file}",
            "LIVECREDITS_SECRET": SECRET,
            **settings,
        }
        self._process: subprocess.Popen[str] | None = None
        self.key = key or str(self.command("key", "add", "test")["secret"])

    def move_to(self, url: str) -> None:
        """From the next start on it serves this database."""
        self.settings["LIVECREDITS_DATABASE_URL"] = url

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def command(self, *arguments: str) -> Any:
        """What a command answers in JSON."""
        ran = spawn(*arguments, "--json", **self.settings)
        answer, told = ran.communicate(timeout=START_S)
        assert ran.returncode == 0, told
        return json.loads(answer)

    def start(self) -> None:
        self._process = spawn("serve", "--port", str(self.port), "--json", **self.settings)
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_S)
        if not ready or not self._process.stdout.readline():
            self._process.kill()
            raise AssertionError(f"the server did not start: {self._process.communicate()[1]}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self.said = self._process.communicate(timeout=START_S)[1]
            assert self._process.returncode == 0, self.said
            self._process = None

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self.said = self._process.communicate(timeout=START_S)[1]
            self._process = None

    def pause(self) -> None:
        """Let it stand still, with all its connections."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """The end of a pause."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> subprocess.Popen[str]:
        """Send SIGTERM, and leave it to the caller to wait."""
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(signal.SIGTERM)
        return process

    def api(self, method: str, path: str, **options: Any) -> Any:
        """What a request with the service key is answered."""
        answer = httpx2.request(
            method,
            f"{self.url}/api/v1{path}",
            headers={**self.headers, **options.pop("headers", {})},
            **options,
        )
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def metrics(self) -> str:
        return httpx2.get(f"{self.url}/metrics", headers=self.headers).text
