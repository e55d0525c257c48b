"""`outfit models`, `outfit models export`, `outfit serve-models`: what can be used, as files, and for other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from assistant import models
from assistant.commands import console
from assistant.settings import Settings
from retrieval import exports, registry
from retrieval.errors import InvalidInput, ModelUnavailable


def add_to(cli: typer.Typer) -> None:
    group = typer.Typer(invoke_without_command=True)
    group.callback()(list_models)
    group.command("export")(export)
    cli.add_typer(group, name="models")
    cli.command("serve-models")(serve_models)


def list_models(context: typer.Context) -> None:
    """List the models, what each is for, and whether it can be used on this machine.

    Models marked * are the ones in use. Change them by the settings `detector`, `image_encoder` and `text_encoder`.
    """
    if context.invoked_subcommand:
        return
    chosen = Settings.load()
    table = Table(box=None, pad_edge=False)
    for heading in ("", "role", "name", "what it does", "on this machine"):
        table.add_column(heading)
    for model in registry.MODELS:
        mark = "*" if model.role in models.ROLES and models.name_of(chosen, model.role) == model.name else ""
        table.add_row(mark, model.role, model.name, model.summary, escape(models.standing(chosen, model.role, model.name).message))
    console.out.print(table)


def export(
    name: Annotated[str, typer.Argument(help="The model's name, as `outfit models` lists it.")],
    role: Annotated[str, typer.Option(help="What it is for: 'image encoder', 'text encoder' or 'detector'.")] = (
        "image encoder"
    ),
    out: Annotated[Path | None, typer.Option(help="The file to write; unless said, in the home folder.")] = None,
    int8: Annotated[bool, typer.Option("--int8", help="Write a file with 8-bit weights too, and measure it.")] = False,
    samples: Annotated[
        Path | None, typer.Option(help="Pictures (a folder) or texts (a file, one a line) to measure with.")
    ] = None,
) -> None:
    """Write a model as an ONNX file, which runs without torch, and measure how far it differs from the original.

    The same weights, settings and names are used as by the app: set `image_weights` for a fine-tuned checkpoint.
    """
    settings = Settings.load()
    if role not in models.ROLES:
        raise InvalidInput(f"role {role!r}: expected one of {', '.join(models.ROLES)}", hint="outfit models")
    model = registry.row(role, name)
    if model.exporter is None:
        able = ", ".join(m.name for m in registry.MODELS if m.role == role and m.exporter) or "none"
        raise InvalidInput(f"the {role} {name!r} is not exported: of this role, these are: {able}", hint="outfit models")
    if lack := registry.missing(model):
        raise ModelUnavailable(f"the {role} {name!r} cannot be exported: {lack}", hint="outfit models")
    out = out or settings.home / "exported" / f"{name}-{role.split()[0]}.onnx"
    job = exports.Job(model, out, models.options(settings, role), int8, samples, console.note)
    done = registry.resolve(model.exporter)(job)
    for what, figure in done.figures.items():
        console.out.print(f"{what}: {figure:.4g}")
    for file in done.files:
        console.out.print(f"written: {file}")


def serve_models(
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Serve this role alone; may be given several times.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; anything but the loopback needs a key.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 7870,
) -> None:
    """Serve the models that the settings name to an app on another machine, which then needs no torch.

    Run it where the GPU is: `OUTFIT_DETECTOR=grounding-dino OUTFIT_IMAGE_ENCODER=dino-vitb8 OUTFIT_TEXT_ENCODER=gte
    outfit serve-models`. It prints what to set where the app runs. /healthz, /readyz and /metrics are for whoever runs it.
    On an address that other machines reach, a key is needed: `outfit keys make NAME`.
    """
    from assistant.serve_models import serve

    roles = tuple(only or models.ROLES)
    if unknown := [role for role in roles if role not in models.ROLES]:
        raise InvalidInput(f"role {unknown[0]!r}: expected one of {', '.join(models.ROLES)}", hint="outfit models")
    serve(Settings.load(host=host, port=port), roles)
