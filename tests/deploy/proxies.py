"""deploy/nginx.conf and deploy/Caddyfile as they stand, started on a free port before two nodes of this machine.

Only what belongs to the place is changed: addresses, ports, where the certificate lies.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.demo_process import START_S, free_port
from tests.waiting import eventually

DEPLOY = Path(__file__).parents[2] / "deploy"


def certificate(folder: Path) -> tuple[Path, Path]:
    """One for localhost that nobody has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "fullchain.pem", folder / "privkey.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, private


def replaced(text: str, **pairs: str) -> str:
    """`text` with each of these, which must be there, in its place."""
    for old, new in pairs.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(folder: Path, port: int, node1: int, node2: int) -> list[str]:
    chain, private = certificate(folder)
    mine = "user root;\n" if os.geteuid() == 0 else ""
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = replaced(
        (DEPLOY / "nginx.conf").read_text(),
        **{
            "worker_processes auto;": f"{mine}worker_processes 1;",
            "http {\n": f"http {{\naccess_log off;\n{places}",
            "node1:8300": f"127.0.0.1:{node1}",
            "node2:8300": f"127.0.0.1:{node2}",
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
            "/etc/nginx/tls/fullchain.pem": str(chain),
            "/etc/nginx/tls/privkey.pem": str(private),
        },
    )
    (folder / "nginx.conf").write_text(text)
    common = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;"
    return ["-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", common]


def caddy(folder: Path, port: int, node1: int, node2: int) -> list[str]:
    text = replaced(
        (DEPLOY / "Caddyfile").read_text(),
        **{
            "{$LIVECREDITS_SITE:localhost}": f"https://localhost:{port}",
            "node1:8300": f"127.0.0.1:{node1}",
            "node2:8300": f"127.0.0.1:{node2}",
        },
    )
    ours = (
        f"{{\nadmin off\nskip_install_trust\nauto_https disable_redirects\nstorage file_system {folder}\n}}\n"
    )
    (folder / "Caddyfile").write_text(ours + text)
    return ["run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES: dict[str, Callable[[Path, int, int, int], list[str]]] = {"nginx": nginx, "caddy": caddy}


@contextlib.contextmanager
def running_proxy(name: str, folder: Path, node1: int, node2: int) -> Iterator[str]:
    """A proxy before these two ports; gives its address. Skips the test where this machine has no such proxy."""
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip(f"no {name} on this machine")
    port = free_port()
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            [program, *PROXIES[name](folder, port, node1, node2)], stdout=log, stderr=log
        )
        try:
            _wait_for(port, process, log)
            yield f"https://localhost:{port}"
        finally:
            process.terminate()
            process.wait(START_S)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Any) -> None:
    def told() -> str:
        log.seek(0)
        return str(log.read())

    def listens() -> bool:
        assert process.poll() is None, told()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    eventually(listens, START_S, told=told)


def trusting() -> ssl.SSLContext:
    """A client that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
