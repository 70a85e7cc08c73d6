"""The whole application below a prefix of a host's, whose lifespan ours never sees."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.http.serving import listening
from tests.http.stage import Stage, staged


def in_fastapi(stage: Stage) -> Any:
    host = FastAPI()

    @host.get("/own")
    async def own() -> dict[str, str]:
        return {"host": "answers"}

    host.mount("/billing/credits", stage.app)
    return host


def in_starlette(stage: Stage) -> Any:
    return Starlette(routes=[Mount("/billing", routes=[Mount("/credits", app=stage.app)])])


@pytest.mark.parametrize("host", [in_fastapi, in_starlette])
async def test_everything_works_below_a_prefix(tmp_path: Path, host: Any) -> None:
    async with staged(tmp_path) as stage, listening(host(stage)) as url:
        prefix = f"{url}/billing/credits"
        headers = {"authorization": f"Bearer {await stage.key()}"}
        async with httpx2.AsyncClient(headers=headers) as client:
            granted = await client.post(f"{prefix}/api/v1/users/ada/grants", json={"amount": 5})
            assert granted.json()["credits"] == 5
            assert (await client.get(f"{prefix}/api/v1/users/ada/balance")).json()["credits"] == 5
            assert (await client.get(f"{prefix}/healthz")).json() == {"status": "ok"}
            assert (await client.get(f"{prefix}/readyz")).status_code == 200
            document = (await client.get(f"{prefix}/openapi.json")).json()
            assert document["servers"] == [{"url": "/billing/credits"}]
            missing = (await client.get(f"{prefix}/nothing")).json()
            assert missing["type"] == "/billing/credits/docs#not_found"
            page = await client.get(f"{prefix}/console/users")
            assert page.status_code == 503 or '<base href="/billing/credits/console/">' in page.text


async def test_a_proxy_that_strips_its_prefix(stage: Stage) -> None:
    """`uvicorn --root-path` behind such a proxy: the prefix is in `root_path` and not in `path`."""
    app = stage.app

    async def stripped(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/prefix"}, receive, send)

    stage.app = stripped  # type: ignore[assignment]
    assert (await stage.client().get("/healthz")).status_code == 200
    assert (await stage.client().get("/prefix/healthz")).status_code == 200
    assert (await stage.client().get("/prefixed/healthz")).status_code == 404
