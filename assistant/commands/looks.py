"""`outfit recommend`: a photo becomes looks, in the terminal and as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from assistant.commands import console
from assistant.looks import Look, Piece, Recommendation
from assistant.settings import Settings
from assistant.stylists import Answer
from retrieval.errors import InvalidInput
from retrieval.items import Hit


def add_to(cli: typer.Typer) -> None:
    cli.command()(recommend)


def recommend(
    photo: Annotated[Path, typer.Argument(help="A photo with one or several garments.")],
    wish: Annotated[str, typer.Option(help='What is wanted, in words: "for a wedding, under 200 in all".')] = "",
    box: Annotated[str | None, typer.Option(help="The garment's rectangle: LEFT,TOP,RIGHT,BOTTOM in pixels.")] = None,
    choose: Annotated[int | None, typer.Option(min=1, help="Which of several garments: its number.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write the whole answer there.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the looks there as one page with pictures.")] = None,
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """Compose looks around a garment in a photo, from items that the catalogue really carries.

    Where the photo shows several garments they are listed with numbers: run it again with --choose N. Every piece was
    judged beside the garment; what the judge refused is not shown.
    """
    from assistant import report
    from assistant.compose import build
    from assistant.lookbook import as_html
    from assistant.understanding import understand
    from assistant.wish import Wish

    if lang not in ("en", "zh"):
        raise InvalidInput(f"--lang {lang}: expected en or zh")
    picture = console.open_photo(photo)
    assistant = build(Settings.load())
    asked = understand(wish, Wish(lang=lang)) if wish else Wish(lang=lang)
    chosen = console.box_of(box) if box else None
    if choose is not None:
        found = assistant.stylist.detect(picture)
        if choose > len(found):
            raise InvalidInput(f"--choose {choose}: the photo shows {len(found)} garments")
        chosen = found[choose - 1].box
    answer = assistant.stylist.recommend(picture, asked, box=chosen)
    _show(answer)
    if json_:
        json_.write_text(json.dumps(report.recommendation(answer), indent=2, ensure_ascii=False), encoding="utf-8")
    if html:
        html.write_text(as_html(answer, assistant.catalogue, lang), encoding="utf-8")


def _hit(hit: Hit) -> str:
    sure = f" ({hit.closeness}, {hit.p_same:.0%})" if hit.p_same is not None else ""
    return escape(hit.item.title) + sure


def _show(answer: Recommendation) -> None:
    if answer.garment is None:
        if not answer.detections:
            console.out.print("No garment found in this photo. Try one with the garment larger, or give its --box.")
            return
        console.show_choice(answer.detections)
        return
    colours = ", ".join(f"{swatch.name} {swatch.share:.0%}" for swatch in answer.garment.palette)
    console.out.print(f"[bold]{escape(answer.garment.title)}[/]  {colours}")
    if answer.same_product:
        console.out.print("In the shop: " + "; ".join(_hit(hit) for hit in answer.same_product[:3]))
    for look in answer.looks:
        _show_look(look)
    refused = sum(piece.verdict.answer is Answer.NO for piece in answer.withheld)
    judge = next((step.model for step in answer.trace.steps if step.name == "judge"), None)
    console.out.print(
        f"[dim]{answer.trace.seconds:.2f} s; judged by {escape(str(judge))}; {refused} candidates refused, "
        f"{len(answer.withheld) - refused} undecided and withheld[/]"
    )
    for notice in answer.trace.notices:
        console.out.print(f"[dim]{escape(notice)}[/]")


def _show_look(look: Look) -> None:
    total = f"  {look.total} {look.currency or ''}" if look.total is not None else ""
    console.out.print(f"\n[bold]{escape(look.title)}[/]{total}\n{escape(look.reason)}")
    table = Table(box=None, show_header=False, padding=(0, 1))
    for piece in look.pieces:
        table.add_row(piece.slot, piece.item.sku, escape(piece.item.title), _price(piece), escape(piece.verdict.reason))
    console.out.print(table)
    for gap in look.unfilled:
        console.out.print(f"[yellow]{gap.slot}: {escape(gap.reason)}[/]")


def _price(piece: Piece) -> str:
    price = "" if piece.item.price is None else f"{piece.item.price} {piece.item.currency or ''}".strip()
    return f"{price} (closest we carry)".strip() if piece.is_closest else price
