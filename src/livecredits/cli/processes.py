"""Commands that run a process, or prepare one: demo, serve, migrate."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from livecredits.cli.lock import require_free
from livecredits.cli.output import AsJson, ended, err, fail, out, plain, print_json
from livecredits.errors import LivecreditsError, StartRefused

Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes any free one.")]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL", help="Where the ledger lives; before LIVECREDITS_DATABASE_URL."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command()(demo)
    app.command()(serve)
    app.command()(migrate)


def demo(
    *,
    port: Port = 8300,
    host: Host = "127.0.0.1",
    file: Annotated[
        Path | None, typer.Option(help="Keep the ledger in this file; a temporary one where left out.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser if there is one.")] = True,
    as_json: AsJson = False,
) -> None:
    """See it work: the console and two users' wallets, with seeded users, on this machine."""
    with ExitStack() as stack:
        if file is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="livecredits-demo-"))
            file = Path(folder) / "demo.db"
        _demo(f"sqlite:///{file.absolute()}", host, port, browser=browser, as_json=as_json)


def _demo(url: str, host: str, port: int, *, browser: bool, as_json: bool) -> None:
    def start() -> Any:
        from livecredits import server
        from livecredits.config import Settings
        from livecredits.demo import run_demo

        _warn_of_strangers()
        # The demo is a demo wherever it runs: the machine's own settings for its real ledger do not count here.
        settings = Settings.load(database_url=url, mode="development", metrics_open=True)
        listener = server.listen(host, port)
        server.run(lambda: run_demo(settings, listener, as_json=as_json, browser=browser))

    _run(start, as_json=as_json)


def serve(
    *,
    port: Port = 8300,
    host: Host = "127.0.0.1",
    database: Database = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1, max=64, help="How many processes serve the port; more than one needs PostgreSQL."
        ),
    ] = 1,
    listener: Annotated[int | None, typer.Option(hidden=True, help="A socket that a parent holds.")] = None,
    siblings: Annotated[Path | None, typer.Option(hidden=True, help="Where a worker answers others.")] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the API, live connections and the console, by the settings of docs/reference/settings.md."""

    def start() -> None:
        import logging

        from livecredits import server
        from livecredits.cli import workers as several
        from livecredits.config import Settings

        settings = Settings.load(**({} if database is None else {"database_url": database}))
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        if listener is not None:
            several.end_with_parent()
            # Its parent waits for a line; what stops it, it tells whoever called the parent.
            server.run(lambda: _serve(settings, server.inherited(listener), as_json=True, beside=siblings))
            return
        _warn_of_strangers()
        several.check(settings, workers)
        listening = server.listen(host, port)
        if workers > 1:
            _serve_by_workers(settings, listening, workers, as_json=as_json)
        server.run(lambda: _serve(settings, listening, as_json=as_json))

    _run(start, as_json=as_json)


def _serve_by_workers(settings: Any, listener: Any, count: int, *, as_json: bool) -> None:
    from livecredits.cli.workers import Workers, starter

    def ready() -> None:
        _tell_ready(settings, listener, as_json=as_json)

    with tempfile.TemporaryDirectory(prefix="livecredits-") as folder:
        start = starter(listener, settings, Path(folder), as_json=as_json)
        ended = Workers(start, count, drain_s=settings.drain_s, ready=ready).run()
    raise typer.Exit(ended)


def _tell_ready(settings: Any, listener: Any, *, as_json: bool) -> None:
    address, port = listener.getsockname()[:2]
    url = f"http://{f'[{address}]' if ':' in address else address}:{port}"
    if as_json:
        print_json({"url": url})
    err().print(
        f"[green]✓[/green] {url}  [dim]console: {url}/console · API: {url}/docs[/dim]", soft_wrap=True
    )
    if settings.mode == "development" and settings.secret is None:
        err().print(
            "[yellow]![/yellow] [dim]development mode with a made-up secret: tokens end with this process; "
            "LIVECREDITS_SECRET and LIVECREDITS_MODE=production are for real use[/dim]",
            soft_wrap=True,
        )


async def _serve(settings: Any, listener: Any, *, as_json: bool, beside: Path | None = None) -> None:
    from livecredits import server
    from livecredits.credits import Credits
    from livecredits.http.app import build_app
    from livecredits.http.siblings import Siblings

    credits = Credits(settings.database_url, settings=settings)
    app = build_app(credits, settings=settings)  # before it is opened: other nodes are told what this one is
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(credits)
        if beside is not None:
            services = app.services
            services.siblings = Siblings(beside, settings.node_name or "", services.metrics.text)
            await stack.enter_async_context(services.siblings.answering())

        async def ready() -> None:
            if beside is not None:
                print_json({"pid": os.getpid()})
            else:
                _tell_ready(settings, listener, as_json=as_json)

        await server.serve(app, app.services.live, credits, listener, ready=ready)


def migrate(
    *,
    database: Database = None,
    pre: Annotated[
        bool, typer.Option("--pre", help="Only what is added before a roll-out, beside the former version.")
    ] = False,
    post: Annotated[
        bool, typer.Option("--post", help="What the former version needed is taken away, after a roll-out.")
    ] = False,
    app_role: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="Give this PostgreSQL role what `serve` needs, no more."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the database, or bring it to this version's schema."""

    async def work() -> dict[str, Any]:
        from livecredits.config import Settings
        from livecredits.storage.database import is_postgres

        settings = Settings.load(**({} if database is None else {"database_url": database}))
        if is_postgres(settings.database_url):
            phase: Literal["pre", "post", "all"] = (
                "pre" if pre and not post else "post" if post and not pre else "all"
            )
            return _migrate_server(settings.database_url, phase, app_role)
        if pre or post or app_role:
            raise StartRefused(
                "--pre, --post and --app-role are for PostgreSQL; a SQLite file has one process."
            )
        return await _migrate_file(settings)

    done = ended(work, as_json=as_json)
    if as_json:
        print_json(done)
    else:
        out().print(f"[green]✓[/green] The schema is {done['schema']}. Epoch {done['epoch']}.")


async def _migrate_file(settings: Any) -> dict[str, Any]:
    from livecredits.credits import Credits
    from livecredits.storage.migrate import HEAD

    require_free(settings.database_url)
    async with Credits(settings.database_url, settings=settings) as credits:
        await credits.states([])  # a ledger opens, and migrates, on first use
        return {"schema": HEAD, "epoch": credits.epoch, "units": sorted(credits.units)}


def _migrate_server(url: str, phase: Literal["pre", "post", "all"], app_role: str | None) -> dict[str, Any]:
    from sqlalchemy.exc import DBAPIError

    from livecredits.storage import postgres_line, postgres_rights, postgres_schema, reads
    from livecredits.storage.database import engine_beside
    from livecredits.storage.postgres_session import epoch_of

    if app_role is not None:
        postgres_rights.require_role(url, app_role)
    schema = postgres_schema.bring_up_to_date(url, phase)
    if app_role is not None:
        postgres_rights.give_rights(url, app_role)
    try:
        with engine_beside(url).connect() as connection:
            units = sorted(row.name for row in reads.unit_rows(connection))
            return {"schema": schema, "epoch": epoch_of(connection), "units": units}
    except DBAPIError as error:
        raise postgres_line.start_refused(url, error) from None


def _warn_of_strangers() -> None:
    """Tell which variables look like settings and are none; their values are nobody's business."""
    from livecredits.config import Settings

    for name, meant in Settings.unknown(os.environ).items():
        hint = f"; did you mean {meant}?" if meant else ""
        err().print(f"[yellow]![/yellow] {plain(name)} is no setting{hint}", soft_wrap=True)


def _run(start: Callable[[], None], *, as_json: bool = False) -> None:
    try:
        start()
    except LivecreditsError as error:
        raise fail(error, as_json=as_json) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
