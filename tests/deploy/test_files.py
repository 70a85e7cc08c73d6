"""The files under deploy/ name what there is: settings, routes, nodes, figures, packages."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from tests.http.stage import ShiftedClock, Stage
from tests.postgres import PostgresServer

from livecredits import Credits
from livecredits.access import Scope
from livecredits.config import Settings
from livecredits.http.app import build_app
from livecredits.http.siblings import UP

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PORT = "8300"
APP = "livecredits_app"
"""The role that nodes serve as."""


def text(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
    return parsed


NODES = [name for name in compose()["services"] if re.fullmatch(r"node\d+", name)]


# --- the image ---------------------------------------------------------------------------------------------------


def steps() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, one line each."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text("Dockerfile"), flags=re.MULTILINE))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def test_it_runs_as_a_user_without_rights() -> None:
    users = [rest for word, rest in steps() if word == "USER"]
    assert users == ["10001:10001"]
    after = steps()[steps().index(("USER", users[0])) :]
    assert {word for word, _ in after} == {
        "USER", "WORKDIR", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD",
    }  # fmt: skip


def test_every_package_is_installed_by_its_hash() -> None:
    installs = [rest for word, rest in steps() if word == "RUN" and "pip install" in rest]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-index" in install


def ignored() -> list[str]:
    return [
        line for line in text("Dockerfile.dockerignore").splitlines() if line and not line.startswith("#")
    ]


def test_what_it_copies_is_there_and_reaches_the_build() -> None:
    kept = {line[1:] for line in ignored() if line.startswith("!")}
    copies = [rest.split()[:-1] for word, rest in steps() if word == "COPY" and not rest.startswith("--from")]
    copied = {source for sources in copies for source in sources}
    assert copied == kept
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_nothing_of_this_machine_reaches_the_build() -> None:
    assert ignored()[0] == "*"
    for name in ("deploy/.env", ".git/config", "livecredits.db"):
        assert not any(fnmatch.fnmatch(name, line[1:] + "*") for line in ignored() if line.startswith("!")), (
            name
        )


def test_its_settings_are_settings() -> None:
    environment = " ".join(rest for word, rest in steps() if word == "ENV")
    assert Settings.unknown(re.findall(r"(LIVECREDITS_\w+)=", environment)) == {}


def test_all_speak_of_one_port() -> None:
    said = dict(steps())
    assert said["EXPOSE"] == PORT
    assert f'"--port", "{PORT}"' in said["CMD"]
    assert f'(*sys.argv[1:], "{PORT}")' in text("healthy.py")
    for name in ("nginx.conf", "Caddyfile"):
        assert set(re.findall(r"node\d+:(\d+)", text(name))) == {PORT}


# --- compose and the proxies -------------------------------------------------------------------------------------


def test_compose_gives_settings_that_exist_and_asks_for_what_the_example_has() -> None:
    environment = compose()["services"]["node1"]["environment"]
    assert Settings.unknown(environment) == {}
    asked = set(re.findall(r"\$\{(\w+)", text("compose.yaml")))
    assert asked == set(re.findall(r"^(\w+)=", text("example.env"), re.MULTILINE))


def test_compose_publishes_the_proxy_alone_and_the_nodes_trust_its_network() -> None:
    services = compose()["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    subnet = compose()["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    for node in NODES:
        assert services[node]["environment"]["LIVECREDITS_TRUSTED_PROXIES"] == subnet
        assert services[node]["networks"] == services["proxy"]["networks"] == ["inside"]


def test_nodes_start_after_the_schema_and_the_proxy_after_the_nodes() -> None:
    services = compose()["services"]
    assert services["migrate"]["command"] == ["migrate", "--app-role", APP]
    for node in NODES:
        assert services[node]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert services[node]["read_only"] is True
        assert services[node]["cap_drop"] == ["ALL"]
    assert services["proxy"]["depends_on"] == {node: {"condition": "service_healthy"} for node in NODES}


def test_the_owner_of_the_tables_migrates_and_serves_nothing() -> None:
    services = compose()["services"]
    users = {
        name: service["environment"]["LIVECREDITS_DATABASE_URL"].split(":")[1].removeprefix("//")
        for name, service in services.items()
        if "LIVECREDITS_DATABASE_URL" in service.get("environment", {})
    }
    assert users == {
        "migrate": services["database"]["environment"]["POSTGRES_USER"],
        **dict.fromkeys(NODES, APP),
    }
    assert "./roles.sh:/docker-entrypoint-initdb.d/roles.sh:ro" in services["database"]["volumes"]
    assert set(re.findall(r"livecredits\w*", text("roles.sh").partition("<<'SQL'")[2])) == {APP}


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_a_proxy_knows_the_nodes(name: str) -> None:
    assert len(NODES) > 1
    assert sorted(set(re.findall(r"(node\d+):", text(name)))) == NODES


def test_the_proxy_waits_longer_than_the_longest_silence() -> None:
    """A live connection may be silent for a heartbeat; the longest that can be set is looked up here."""
    longest = next(rule.le for rule in Settings.model_fields["heartbeat_s"].metadata if hasattr(rule, "le"))
    live = text("nginx.conf").partition("location /api/v1/credits/live {")[2].partition("}")[0]
    found = re.search(r"proxy_read_timeout (\d+)s;", live)
    assert found is not None
    assert int(found[1]) > 2 * longest


# --- figures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exposed(postgres: PostgresServer, migrated: str) -> Iterator[dict[str, set[str]]]:
    """Each figure that /metrics of one of several nodes shows, with its labels."""
    database = postgres.create_database(migrated)
    settings = Settings.load(database_url=postgres.url(database))

    async def ask() -> str:
        async with Credits(settings.database_url, settings=settings) as credits:
            stage = Stage(credits, build_app(credits), ShiftedClock())
            stage.app.services.live.counts.closes["restarting"] = 1
            try:
                return await _metrics(stage)
            finally:
                await stage.close()
                stage.app.services.live.close()

    figures: dict[str, set[str]] = {}
    for line in asyncio.run(ask()).splitlines():
        if found := re.match(r"(\w+)(?:{(.*)})? [\d.e+-]+$", line):
            figures.setdefault(found[1], set()).update(re.findall(r'(\w+)="', found[2] or ""))
        elif found := re.match(r"# TYPE (\w+) counter$", line):
            figures.setdefault(found[1], set())  # it may have nothing to show yet
    yield figures
    postgres.drop_database(database)


async def _metrics(stage: Stage) -> str:
    backend = await stage.backend(Scope.READ)
    await backend.get("/metrics")  # the second answer counts the first
    return (await backend.get("/metrics")).text


def expressions() -> Iterator[tuple[str, str]]:
    """Every question that the dashboard and the alert rules ask, and what its legend names."""
    for panel in json.loads(text("grafana/livecredits.json"))["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]
    for group in yaml.safe_load(text("alerts.yaml"))["groups"]:
        for rule in group["rules"]:
            yield rule["expr"], ""


OF_PROMETHEUS = {"up", "instance", "job", "le"}
OF_WORKERS = {"node"}
"""What `serve --workers` adds to each of its workers' figures (`http.siblings`)."""


@pytest.mark.parametrize(("expression", "legend"), list(expressions()), ids=lambda value: value[:60])
def test_what_is_asked_is_shown(expression: str, legend: str, exposed: dict[str, set[str]]) -> None:
    named = set(re.findall(r"\b(?:livecredits|process)_\w+", expression))
    assert named <= set(exposed) | {UP}
    assert named or "up{" in expression
    labels = {"instance", "job", *(label for name in named - {UP} for label in exposed[name])}
    used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression))
    for group in re.findall(r"by \(([^)]+)\)", expression):
        used |= set(group.replace(" ", "").split(","))
    used |= set(re.findall(r"{{(?:\$labels\.)?(\w+)}}", legend))
    if any(exposed[name] for name in named - {UP}):
        assert used <= labels | OF_PROMETHEUS | OF_WORKERS


def test_every_alert_has_its_line_in_the_operations_guide() -> None:
    guide = (ROOT / "docs/operations.md").read_text("utf-8")
    alerts = [
        rule["alert"] for group in yaml.safe_load(text("alerts.yaml"))["groups"] for rule in group["rules"]
    ]
    assert len(alerts) > 5
    assert [name for name in alerts if f"`{name}`" not in guide] == []


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(text("grafana/livecredits.json"))["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
