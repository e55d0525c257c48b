"""`outfit app`, `serve`, `doctor`, `settings`."""

from __future__ import annotations

from typing import Annotated

import typer

from assistant.commands import console
from assistant.settings import Settings, markdown_table


def add_to(cli: typer.Typer) -> None:
    for command in (app, serve, settings, doctor):
        cli.command()(command)


def app(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Open the chat page for shoppers, with the API beside it under /v1/.

    Uses the catalogue that was ingested, or the demo catalogue where there is none. The same as `python app.py`.
    """
    from assistant.serve import serve

    serve(Settings.load(host=host, port=port))


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Serve the API alone, without the chat page.

    OpenAI's clients talk to it with the base URL http://HOST:PORT/v1 and the model `outfit-assistant`. The operations
    are listed at /v1/openapi.json; /healthz, /readyz and /metrics are for whoever runs it.
    """
    from assistant.serve import serve as serve_all

    serve_all(Settings.load(host=host, port=port), with_page=False)


def settings() -> None:
    """Print all settings as a table: names, environment variables, defaults, meanings. The README shows the same."""
    typer.echo(markdown_table())


def doctor() -> None:
    """Check settings, models, catalogue, index and disk; say what is wrong and the next command.

    Exits with 1 where something stands in the way of `outfit app`.
    """
    from assistant.doctor import examine

    findings = examine(Settings.load())
    for finding in findings:
        mark = "[green]ok[/]  " if finding.is_good else "[bold red]bad[/] " if finding.is_fatal else "[yellow]note[/]"
        console.out.print(f"{mark} {finding.subject}: {finding.message}")
        if finding.hint:
            console.out.print(f"     next: {finding.hint}")
    if any(finding.is_fatal for finding in findings):
        raise typer.Exit(1)
