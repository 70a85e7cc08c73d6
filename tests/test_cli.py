"""The commands: in a file of their own, through a running demo, and against their documentation."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer
from tests.demo_process import STOP_S, Demo, environment, free_port, running_demo, spawn
from typer.testing import CliRunner, Result

from livecredits.cli import app
from livecredits.cli.tail import FRAME_ROOM, _chunks, _pause_s, decimal
from livecredits.errors import Forbidden, Unauthenticated

PAGE = Path(__file__).parents[1] / "docs/reference/cli.md"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [*arguments], input=stdin)


def answer(*arguments: str, stdin: str | None = None) -> Any:
    """What a command answers in JSON."""
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger in a file that no process has open."""
    for name in list(environment()):
        monkeypatch.setenv(name, environment()[name])
    monkeypatch.delenv("LIVECREDITS_URL", raising=False)
    file = tmp_path / "own.db"
    monkeypatch.setenv("LIVECREDITS_DATABASE_URL", f"sqlite:///{file}")
    return file


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as running:
        running.end_welcomes()
        yield running


@pytest.fixture
def through_demo(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Demo:
    """Commands go over HTTP."""
    monkeypatch.setenv("LIVECREDITS_URL", demo.url)
    monkeypatch.setenv("LIVECREDITS_KEY", demo.told["service_key"])
    return demo


# --- credits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["own_file", "through_demo"])
def test_credits_move_alike_in_the_file_and_over_http(place: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(place)
    granted = answer("grant", "cli-user", "100", "--reason", "welcome", "--label", "Hello", "--key", "g1")
    assert (granted["kind"], granted["amount"], granted["credits"], granted["version"]) == (
        "grant",
        100,
        100,
        1,
    )
    assert (
        answer("grant", "cli-user", "100", "--reason", "welcome", "--label", "Hello", "--key", "g1")
        == granted
    )
    assert answer("adjust", "cli-user", "-30")["credits"] == 70
    assert answer("set", "cli-user", "500")["amount"] == 430
    expiring = answer("grant", "cli-user", "5", "--expires", "2099-12-31", "--unit", "credits")
    assert expiring["credits"] == 505
    told = run("adjust", "cli-user", "-5")
    assert "adjust -5 → cli-user has 500 credits" in told.stdout


@pytest.mark.parametrize("place", ["own_file", "through_demo"])
def test_a_refusal_is_told_and_ends_with_one(place: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(place)
    answer("grant", "poor", "3", "--key", "poor")
    told = run("adjust", "poor", "-30")
    assert told.exit_code == 1
    assert "(insufficient_credits)" in told.stderr
    as_json = run("adjust", "poor", "-30", "--json")
    assert as_json.exit_code == 1
    assert as_json.stdout == ""
    refusal = json.loads(as_json.stderr)
    assert (refusal["code"], refusal["needed"], refusal["available"]) == ("insufficient_credits", 30, 3)


def test_wrong_usage_ends_with_two(own_file: Path) -> None:
    assert run("grant", "ada", "many").exit_code == 2
    assert run("grant", "ada").exit_code == 2
    assert run("grnat", "ada", "5").exit_code == 2
    assert not own_file.exists()


def test_an_address_without_a_key_is_half_an_address(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVECREDITS_URL", "http://127.0.0.1:1")
    monkeypatch.delenv("LIVECREDITS_KEY", raising=False)
    told = run("grant", "ada", "5")
    assert told.exit_code == 2
    assert "LIVECREDITS_KEY is not" in told.stderr


def test_while_a_server_has_the_file_the_command_says_how_to_go_on(tmp_path: Path) -> None:
    file = tmp_path / "held.db"
    with running_demo("--file", str(file)) as demo:
        blocked = spawn("grant", "ada", "5", LIVECREDITS_DATABASE_URL=f"sqlite:///{file}")
        _, told = blocked.communicate(timeout=30)
        assert demo.process.poll() is None
    assert blocked.returncode == 2
    assert str(demo.process.pid) in told
    assert "LIVECREDITS_URL" in told
    assert "LIVECREDITS_KEY" in told


# --- access ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["own_file", "through_demo"])
def test_operators(place: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(place)
    made = answer(
        "operator", "add", "Rosa@example.com", "--role", "support", "--limit", "500", "--name", "Rosa"
    )
    assert (made["email"], made["role"], made["limit"]) == ("rosa@example.com", "support", 500)
    assert "/console#code=" in made["link"]
    again = run("operator", "add", "rosa@example.com")
    assert again.exit_code == 1
    assert "has this e-mail address" in again.stderr
    link = answer("operator", "link", "rosa@example.com", "--url", "https://credits.example/")
    assert link["link"].startswith("https://credits.example/console#code=")
    assert "rosa@example.com" in {one["email"] for one in answer("operator", "list")}
    assert answer("operator", "disable", made["id"])["disabled"] is True
    assert run("operator", "link", "nobody@example.com").exit_code == 1


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("b@example.com", "short", "password"),
        ("b@example.com", "", "password"),
        ("nobody", "correct horse", "email"),
    ],
)
def test_an_operator_who_cannot_be_is_refused_by_name(
    own_file: Path, email: str, password: str, field: str
) -> None:
    ended = run("operator", "add", email, "--password", stdin=f"{password}\n")
    assert ended.exit_code == 1
    assert field in ended.stderr
    assert answer("operator", "list") == []


def test_a_password_is_read_from_standard_input(own_file: Path) -> None:
    made = answer("operator", "add", "a@example.com", "--password", stdin="correct horse battery\n")
    assert "correct" not in json.dumps(made)


@pytest.mark.parametrize("place", ["own_file", "through_demo"])
def test_keys(place: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(place)
    made = answer("key", "add", "shop", "--scope", "read", "--scope", "move")
    assert made["secret"].startswith("lck_")
    assert sorted(made["key"]["scopes"]) == ["move", "read"]
    assert len(answer("key", "add", "all")["key"]["scopes"]) == 6
    listed = run("key", "list")
    assert made["secret"] not in listed.stdout
    assert "shop" in listed.stdout
    assert answer("key", "revoke", made["key"]["id"])["revoked_at"]
    assert run("key", "revoke", "key_nothing").exit_code == 1


def test_a_token_of_a_made_up_secret_is_not_minted(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVECREDITS_SECRET", raising=False)
    told = run("token", "ada")
    assert told.exit_code == 2
    assert "LIVECREDITS_SECRET" in told.stderr
    monkeypatch.setenv("LIVECREDITS_SECRET", "s" * 40)
    assert answer("token", "ada", "--ttl", "60")["token"].count(".") == 2


def test_a_token_of_the_server(through_demo: Demo) -> None:
    assert run("token", "ada").stdout.strip().count(".") == 2


# --- which ledger ----------------------------------------------------------------------------------------------


def test_whoever_names_a_file_means_that_file(
    own_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    monkeypatch.setenv("LIVECREDITS_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("LIVECREDITS_KEY", "lck_nothing")
    monkeypatch.setenv("LIVECREDITS_SECRET", "s" * 40)
    there = ("--database", other)
    assert answer("grant", "ada", "10", *there)["credits"] == 10
    assert answer("adjust", "ada", "-3", *there)["credits"] == 7
    assert answer("set", "ada", "50", *there)["version"] == 3
    assert answer("key", "add", "shop", *there)["secret"].startswith("lck_")
    key = answer("key", "list", *there)[0]["id"]
    assert answer("key", "revoke", key, *there)["revoked_at"]
    made = answer("operator", "add", "olga@example.com", *there)
    assert [one["id"] for one in answer("operator", "list", *there)] == [made["id"]]
    assert "code=" in answer("operator", "link", "olga@example.com", *there)["link"]
    assert answer("operator", "disable", made["id"], *there)["disabled"] is True
    assert answer("token", "ada", *there)["user_id"] == "ada"
    rows = tmp_path / "rows.csv"
    rows.write_text("user_id,op,amount\nada,adjust,5\n", "utf-8")
    assert answer("import", str(rows), *there)["applied"] == 1
    assert answer("verify", *there)["entries"] == 4
    assert not own_file.exists()
    told = run("grant", "ada", "5", "--database", "mysql://secret@host/db")
    assert told.exit_code == 2
    assert "secret@" not in told.stderr


# --- what others have written --------------------------------------------------------------------------------------


def test_names_give_no_orders_to_the_terminal(own_file: Path) -> None:
    for name in ("[/red]", "[bold]loud", "\x1b[2Jgone", "\u202eekaf"):
        made = answer("key", "add", name)
        told = run("key", "list")
        assert told.exit_code == 0, told.output
        assert "\x1b" not in told.stdout
        assert "\u202e" not in told.stdout
        assert run("key", "revoke", made["key"]["id"]).exit_code == 0
    assert "[/red]" in run("key", "list").stdout
    answer("grant", "[red]ada", "5")
    assert "[red]ada has 6 credits" in run("adjust", "[red]ada", "1").stdout


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x00b"])
def test_a_key_that_nobody_could_call_is_refused(own_file: Path, name: str) -> None:
    told = run("key", "add", name)
    assert told.exit_code == 1
    assert "name" in told.stderr
    assert answer("key", "list") == []


def test_a_link_for_who_is_locked_out_is_refused(own_file: Path) -> None:
    made = answer("operator", "add", "olga@example.com")
    answer("operator", "disable", made["id"])
    told = run("operator", "link", made["id"], "--json")
    assert (told.exit_code, json.loads(told.stderr)["code"]) == (1, "conflict")


def test_what_cannot_start_says_so_in_json_too(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = run("grant", "ada", "5", "--database", "nonsense", "--json")
    assert (told.exit_code, told.stdout) == (2, "")
    assert json.loads(told.stderr)["code"] == "cannot_start"
    monkeypatch.setenv("LIVECREDITS_URL", "127.0.0.1:8300")
    monkeypatch.setenv("LIVECREDITS_KEY", "lck_never print me\n")
    for command in (("grant", "ada", "5"), ("tail", "ada"), ("export", "users")):
        told = run(*command)
        assert told.exit_code == 2, told.output
        assert "LIVECREDITS_URL" in told.stderr
        assert "never print me" not in told.stderr


# --- exports ---------------------------------------------------------------------------------------------------


def exported(*arguments: str) -> list[dict[str, str]]:
    """The rows of an export on standard output."""
    told = run("export", *arguments)
    assert told.exit_code == 0, told.output
    return list(csv.DictReader(io.StringIO(told.stdout)))


@pytest.mark.parametrize("place", ["own_file", "through_demo"])
def test_lists_leave_whole_and_inert(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    request.getfixturevalue(place)
    answer("grant", "exporter", "100", "--label", "=HYPERLINK(1)", "--reason", "＋welcome")
    for _ in range(3):
        answer("adjust", "exporter", "-5")
    rows = exported("history", "exporter")
    assert [(row["version"], row["amount"]) for row in rows] == [
        ("4", "-5"),
        ("3", "-5"),
        ("2", "-5"),
        ("1", "100"),
    ]
    assert (rows[-1]["label"], rows[-1]["reason"]) == ("'=HYPERLINK(1)", "'＋welcome")
    assert [row["kind"] for row in exported("history", "exporter", "--kind", "grant")] == ["grant"]
    assert exported("history", "exporter", "--until", "2020-01-01") == []
    assert [row["credits"] for row in exported("users", "--search", "exporter")] == ["85"]
    lines = run("export", "users", "--search", "exporter", "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line)["user_id"] for line in lines] == ["exporter"]
    answer("key", "add", "for the audit")
    (row,) = exported("audit", "--action", "key.created", "--since", "2020-01-01")[:1]
    assert json.loads(row["after"])["name"] == "for the audit"
    assert "key.created" not in {row["action"] for row in exported("audit", "--exclude", "key.created")}
    file = tmp_path / "users.csv"
    told = answer("export", "users", "--out", str(file))
    assert told == {"file": str(file), "format": "csv", "bytes": file.stat().st_size}
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.parametrize("place", ["own_file", "through_demo"])
def test_an_export_that_is_refused_leaves_no_file(
    place: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue(place)
    answer("grant", "somebody", "1")
    file = tmp_path / "kept.csv"
    file.write_text("what stood here", "utf-8")
    for arguments in (("history", "nobody-at-all"), ("codes", "cmp_nothing"), ("users", "--sort", "age")):
        told = run("export", *arguments, "--out", str(file))
        assert told.exit_code == 1, told.output
        assert file.read_text("utf-8") == "what stood here"
    for odd in (("history", "somebody", "--kind", "odd"), ("codes", "cmp_nothing", "--state", "odd")):
        assert run("export", *odd).exit_code == 1
    for file in (tmp_path / "no" / "such" / "folder.csv", Path("/proc/none.csv")):
        told = run("export", "users", "--out", str(file), "--json")
        assert told.exit_code == 2
        assert str(file) in json.loads(told.stderr)["detail"]
    assert run("export", "users", "--json").exit_code == 2
    assert list(tmp_path.glob("*.part")) == []


def test_an_export_reads_beside_the_server_that_has_the_file(tmp_path: Path) -> None:
    file = tmp_path / "held.db"
    with running_demo("--file", str(file)) as demo:
        beside = spawn("export", "history", "ada", "--database", f"sqlite:///{file}")
        out, err = beside.communicate(timeout=60)
        assert beside.returncode == 0, err
        told = demo.api("GET", "/users/ada/history?format=csv").text
        assert out.splitlines() == told.splitlines()
        campaign = demo.api("GET", "/admin/campaigns").json()["items"][0]["id"]
        codes = spawn("export", "codes", campaign, "--database", f"sqlite:///{file}")
        out, err = codes.communicate(timeout=60)
        assert codes.returncode == 0, err
        assert out.splitlines() == demo.api("GET", f"/admin/campaigns/{campaign}/codes.csv").text.splitlines()


def test_an_export_of_no_ledger_makes_none(own_file: Path) -> None:
    assert run("export", "users").exit_code == 2
    assert not own_file.exists()
    own_file.write_bytes(b"no database at all" * 100)
    assert run("export", "users").exit_code == 2


def test_whoever_has_read_enough_of_an_export_may_go(tmp_path: Path) -> None:
    file = tmp_path / "long.db"
    for _ in range(2):
        grown = spawn("grant", "ada", "1", LIVECREDITS_DATABASE_URL=f"sqlite:///{file}")
        grown.communicate(timeout=30)
    rows = tmp_path / "rows.csv"
    rows.write_text("user_id,amount\n" + "ada,1\n" * 3_000, "utf-8")
    spawn("import", str(rows), "--op", "adjust", "--database", f"sqlite:///{file}").communicate(timeout=60)
    piped = spawn("export", "history", "ada", "--database", f"sqlite:///{file}")
    assert piped.stdout is not None
    assert piped.stdout.readline().startswith("entry,")
    piped.stdout.close()
    assert piped.stderr is not None
    assert piped.stderr.read() == ""
    piped.stderr.close()
    assert piped.wait(30) == 1


# --- variables -------------------------------------------------------------------------------------------------


def test_variables_that_are_no_settings_are_told_with_the_name_that_was_meant(tmp_path: Path) -> None:
    values = {
        "LIVECREDITS_SECERT": "never print me",
        "livecredits_mod": "production",
        "LIVECREDITS_XYZZY": "1",
        "LIVECREDITS_URL": "http://127.0.0.1:1",
    }
    wanted = (
        "LIVECREDITS_SECERT is no setting",
        "LIVECREDITS_SECRET?",
        "LIVECREDITS_MODE?",
        "LIVECREDITS_XYZZY",
    )
    for command in (
        ("serve", "--port", "0", "--json", "--database", f"sqlite:///{tmp_path}/x.db"),
        ("demo", "--port", "0", "--json", "--no-browser"),
    ):
        process = spawn(*command, **values)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
        process.terminate()
        _, told = process.communicate(timeout=30)
        assert process.returncode == 0
        for words in wanted:
            assert words in told, command
        assert "never print me" not in told
        assert "LIVECREDITS_URL is no setting" not in told
    looked = spawn("doctor", "--database", f"sqlite:///{tmp_path}/x.db", **values)
    told, _ = looked.communicate(timeout=60)
    for words in wanted:
        assert words in told
    assert "never print me" not in told


# --- the file --------------------------------------------------------------------------------------------------


def test_migrate_makes_the_ledger_and_doctor_likes_it(own_file: Path) -> None:
    epoch = answer("migrate")["epoch"]
    assert answer("migrate")["epoch"] == epoch
    found = {one["check"]: one for one in json.loads(run("doctor", "--json").stdout)}
    for check in ("python", "sqlite", "file", "lock", "schema", "clock", "disk", "fsync"):
        assert found[check]["verdict"] != "bad", found[check]


def test_doctor_tells_what_is_wrong(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = own_file.parent / "gone" / "x.db"
    told = run("doctor", "--database", f"sqlite:///{gone}")
    assert told.exit_code == 1
    assert f"mkdir -p {gone.parent}" in told.stdout
    monkeypatch.setenv("LIVECREDITS_MODE", "production")
    assert "LIVECREDITS_SECRET" in run("doctor").stdout
    own_file.write_bytes(b"no database at all" * 100)
    assert "schema" in run("doctor").stdout


def test_doctor_sees_who_holds_the_file(tmp_path: Path) -> None:
    file = tmp_path / "held.db"
    with running_demo("--file", str(file)) as demo:
        told = run("doctor", "--database", f"sqlite:///{file}", "--json")
    lock = next(one for one in json.loads(told.stdout) if one["check"] == "lock")
    assert str(demo.process.pid) in lock["told"]


def test_verify_finds_an_altered_entry(own_file: Path) -> None:
    import sqlite3
    from contextlib import closing

    for _ in range(3):
        answer("grant", "ada", "10")
    assert answer("verify")["ok"] is True
    assert run("verify").exit_code == 0
    with closing(sqlite3.connect(own_file)) as db:
        (trigger,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'entries_no_update'").fetchone()
        db.execute("DROP TRIGGER entries_no_update")
        db.execute("UPDATE entries SET label = 'altered' WHERE version = 2")
        db.execute(trigger)
        db.commit()
    told = run("verify")
    assert told.exit_code == 1
    assert "1 damage." in told.stdout
    (damage,) = json.loads(run("verify", "--json").stdout)["damages"]
    assert damage["table"] == "entries"


# --- live ------------------------------------------------------------------------------------------------------


def test_tail_tells_a_change_as_it_happens(through_demo: Demo) -> None:
    watching = spawn(
        "tail", "barbara", "--unit", "credits", "--count", "1", "--json",
        LIVECREDITS_URL=through_demo.url, LIVECREDITS_KEY=through_demo.told["service_key"],
    )  # fmt: skip
    assert watching.stdout is not None
    before = json.loads(watching.stdout.readline())
    changed = answer("grant", "barbara", "7", "--label", "Seven")
    out, err = watching.communicate(timeout=30)
    assert watching.returncode == 0, err
    (frame,) = [json.loads(line) for line in out.splitlines()]
    assert (frame["user"], frame["version"], frame["credits"]) == (
        "barbara",
        changed["version"],
        changed["credits"],
    )
    assert frame["version"] == before["version"] + 1
    assert frame["cause"]["label"] == "Seven"


def test_tail_watches_everybody_and_speaks_to_people(through_demo: Demo) -> None:
    watching = spawn(
        "tail", "--count", "1",
        LIVECREDITS_URL=through_demo.url, LIVECREDITS_KEY=through_demo.told["service_key"],
    )  # fmt: skip
    assert watching.stdout is not None
    first = [
        watching.stdout.readline() for _ in through_demo.told["users"] for _unit in ("credits", "minutes")
    ]
    assert sum("ada " in line for line in first) == 2
    answer("grant", "ada", "12", "--unit", "minutes", "--label", "Extra")
    out, _ = watching.communicate(timeout=30)
    assert re.search(r"ada +\+0\.12 .* minutes .*grant · Extra", out)


def test_tail_ends_where_the_key_may_not(through_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    blind = answer("key", "add", "blind", "--scope", "read")["secret"]
    monkeypatch.setenv("LIVECREDITS_KEY", blind)
    told = run("tail", "ada")
    assert told.exit_code == 1
    assert "live" in told.stderr
    monkeypatch.setenv("LIVECREDITS_KEY", "lck_wrong")
    assert run("tail", "ada").exit_code == 1
    monkeypatch.delenv("LIVECREDITS_URL")
    assert run("tail", "ada").exit_code == 2


def test_tail_comes_back_after_a_restart(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer("grant", "ada", "10")
    key = answer("key", "add", "watcher")["secret"]
    port = free_port()
    place = {"LIVECREDITS_URL": f"http://127.0.0.1:{port}", "LIVECREDITS_KEY": key}
    watching = None
    for change in ("before the restart", "after the restart"):
        server = spawn("serve", "--port", str(port), LIVECREDITS_DATABASE_URL=f"sqlite:///{own_file}")
        assert server.stderr is not None
        next(line for line in server.stderr if line.startswith("✓"))
        if watching is None:
            watching = spawn("tail", "ada", "--count", "2", "--json", **place)
            assert watching.stdout is not None
            assert json.loads(watching.stdout.readline())["version"] == 1
        with monkeypatch.context() as patch:
            for name, value in place.items():
                patch.setenv(name, value)
            answer("grant", "ada", "5", "--label", change)
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["cause"]["label"] == change
        server.terminate()
        server.communicate(timeout=30)
    assert watching is not None
    watching.communicate(timeout=30)
    assert watching.returncode == 0


def test_close_codes_are_obeyed() -> None:
    assert 0 <= _pause_s(4000, "restarting", 2) <= 1
    assert 0 <= _pause_s(1006, "", 30) <= 20
    with pytest.raises(Unauthenticated):
        _pause_s(4201, "token_invalid", 1)
    with pytest.raises(Forbidden, match="not yours"):
        _pause_s(4301, "forbidden: not yours", 1)


def test_watch_frames_stay_within_their_limit() -> None:
    users = [f"ü{at:>120}" for at in range(500)]
    chunks = list(_chunks(users))
    assert [user for chunk in chunks for user in chunk] == users
    assert all(sum(len(json.dumps(user)) + 2 for user in chunk) <= FRAME_ROOM for chunk in chunks)


@pytest.mark.parametrize(
    ("amount", "scale", "text"),
    [(0, 0, "+0"), (1234567, 0, "+1,234,567"), (-5, 2, "-0.05"), (1234567, 2, "+12,345.67"),
     (2**53 - 1, 6, "+9,007,199,254.740991")],
)  # fmt: skip
def test_amounts_are_exact(amount: int, scale: int, text: str) -> None:
    assert decimal(amount, scale, "+") == text


# --- the process -----------------------------------------------------------------------------------------------


def test_serve_serves_and_goes(tmp_path: Path) -> None:
    process = spawn("serve", "--port", "0", "--database", f"sqlite:///{tmp_path}/served.db")
    assert process.stderr is not None
    line = next(line for line in process.stderr if line.startswith("✓"))
    url = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert url
    assert httpx2.get(f"{url[0]}/readyz").status_code == 200
    demo = Demo(process, {})
    assert demo.stop() < STOP_S
    assert process.returncode == 0
    process.communicate()


@pytest.mark.parametrize(
    ("arguments", "values", "told"),
    [
        ((), {"LIVECREDITS_MODE": "production"}, "LIVECREDITS_SECRET"),
        ((), {"LIVECREDITS_HEARTBEAT_S": "never"}, "LIVECREDITS_HEARTBEAT_S"),
        (("--database", "sqlite:////nowhere/at/all.db"), {}, "/nowhere/at"),
        (("--database", "mysql://secret@host/db"), {}, "sqlite:///FILE"),
        (("--host", "192.0.2.1"), {}, "192.0.2.1"),
    ],
)
def test_serve_refuses_to_start_and_says_why(
    arguments: Sequence[str], values: dict[str, str], told: str, tmp_path: Path
) -> None:
    values = {"LIVECREDITS_DATABASE_URL": f"sqlite:///{tmp_path}/x.db", **values}
    process = spawn("serve", "--port", "0", *arguments, **values)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert out == ""
    assert told in err
    assert "secret@" not in err
    assert "Traceback" not in err


# --- backups ---------------------------------------------------------------------------------------------------


def test_a_backup_beside_a_running_server_and_back_when_it_has_stopped(tmp_path: Path) -> None:
    file, copy = tmp_path / "held.db", tmp_path / "copy.db"
    at = ("--database", f"sqlite:///{file}")
    with running_demo("--file", str(file)) as demo:
        taken = answer("backup", str(copy), *at)
        assert (taken["file"], taken["checked"]) == (str(copy), True)
        assert demo.api("POST", "/users/ada/grants", json={"amount": 1}).status_code == 200
        refused = run("restore", str(copy), *at)
        assert refused.exit_code == 2
        assert str(demo.process.pid) in refused.stderr
    told = run("restore", str(copy), *at)
    assert told.exit_code == 0, told.output
    assert f"{taken['entries']:,} entries of {taken['accounts']:,} accounts" in told.stdout
    assert "1 entry in it came after the backup" in told.stderr
    assert answer("verify", *at)["ok"]


def test_a_backup_that_cannot_be_taken_or_put_back_ends_with_two(own_file: Path, tmp_path: Path) -> None:
    for arguments in (("backup", str(tmp_path / "copy.db")), ("restore", str(tmp_path / "copy.db"))):
        told = run(*arguments, "--json")
        assert told.exit_code == 2
        assert "There is no file" in json.loads(told.stderr)["detail"]
        assert told.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ("backup", "copy.db", "--database", "postgresql://u:hidden@db/credits"),
            "PostgreSQL, whose own tools",
        ),
        (
            ("restore", "copy.db", "--database", "postgres://u:hidden@db/credits"),
            "PostgreSQL, whose own tools",
        ),
        (("copy", "postgresql://u:hidden@db/credits", "sqlite:///a.db"), "not the other way"),
        (("copy", "sqlite:///a.db", "mysql://u:hidden@db/credits"), "copied into PostgreSQL"),
        (("copy", "sqlite:///a.db"), "copied into PostgreSQL"),
        (("copy", "sqlite:///nowhere.db", "postgresql://u:hidden@127.0.0.1:1/credits"), "There is no file"),
    ],
)
def test_ledgers_are_copied_where_they_can_be(
    own_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run(*arguments)
    assert told.exit_code == 2
    assert why in told.stderr
    assert "hidden" not in told.stderr
    assert list(tmp_path.iterdir()) == []


# --- documentation ---------------------------------------------------------------------------------------------


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
    else:
        for word, child in children.items():
            yield from commands(child, f"{name} {word}")


ALL = dict(commands(typer.main.get_command(app), "livecredits"))


def documented() -> dict[str, set[str]]:
    """Each command that the page explains, with its options."""
    parts = re.split(r"^## (livecredits .+)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {
        name: set(re.findall(r"^\| `(--[a-z-]+)`", text, re.MULTILINE))
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    assert set(documented()) == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_documented_and_helps(name: str) -> None:
    options = [
        option for option in ALL[name].params if option.param_type_name == "option" and not option.hidden
    ]
    spelled = {
        # A switch that is on by default is documented by what turns it off.
        option.secondary_opts[0] if option.default is True and option.secondary_opts else option.opts[0]
        for option in options
        if "--help" not in option.opts
    }
    assert documented()[name] == spelled
    assert ALL[name].help
    assert all(option.help for option in options)
