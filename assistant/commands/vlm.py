"""`outfit serve-vlm`: the vision-language model's server."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from assistant.commands import console
from assistant.settings import Settings


def add_to(cli: typer.Typer) -> None:
    cli.command("serve-vlm")(serve_vlm)


def serve_vlm(
    model: Annotated[str | None, typer.Option(help="Model by name, e.g. InternVL2-8B, InternVL3-8B.")] = None,
    weights: Annotated[str, typer.Option(help="Folder of the weights; default: fetched from ModelScope.")] = "",
    host: Annotated[
        str, typer.Option(help="Address to listen on; anything but the loopback needs a key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 23333,
    context: Annotated[int, typer.Option(help="Session length in tokens.")] = 8192,
    cache_share: Annotated[float, typer.Option(help="Share of free GPU memory for the key-value cache.")] = 0.5,
    vision_batch: Annotated[int, typer.Option(help="Pictures encoded at once.")] = 8,
    gpus: Annotated[int, typer.Option(help="GPUs that share one model.")] = 1,
    lmdeploy: Annotated[str, typer.Option(help="LMDeploy's command, where it is not on the path.")] = "lmdeploy",
    show: Annotated[bool, typer.Option("--print", help="Print the command, run nothing.")] = False,
    nodes: Annotated[bool, typer.Option("--nodes", help="Print the set-up for several machines, run nothing.")] = False,
) -> None:
    """Serve InternVL2 with LMDeploy on this machine's GPU, and wait until it answers.

    Checks GPU, package and weights first, and says what is missing and what to do about it. The weights are fetched
    from ModelScope where they are not here yet. The server listens on the loopback: it must never be reachable from
    outside. The key is the setting `vlm_api_key`; without one, everyone on this machine can use the server.
    """
    from assistant import serve_vlm as server

    settings = Settings.load(vlm_model=model)
    plan = server.Plan(
        model=settings.vlm_model,
        weights=weights,
        host=host,
        port=port,
        context=context,
        cache_share=cache_share,
        vision_batch=vision_batch,
        gpus=gpus,
        api_key=settings.vlm_api_key.get_secret_value() if settings.vlm_api_key else "",
        executable=lmdeploy,
    )
    if nodes:
        typer.echo(server.nodes_text(plan))
        return
    if show:
        typer.echo(server.shell_line(server.command(plan, server.kept_weights(plan)), plan.api_key))
        return
    found = server.obstacles(plan)
    for obstacle in found:
        console.err.print(f"[bold red]missing:[/] {escape(obstacle.message)}")
        console.err.print(f"[bold]next:[/] {escape(obstacle.hint)}")
    if found:
        raise typer.Exit(1)
    folder = server.find_weights(plan)
    log = settings.home / "logs" / "model-server.log"
    raise typer.Exit(server.serve(plan, folder, lambda text: console.err.print(text, markup=False), log))
