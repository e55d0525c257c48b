"""A look to take away: as one picture, as one page that needs nothing else, as data (see `assistant.report`)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Protocol

from assistant.looks import Look, Piece, Recommendation
from assistant.words import category_name, colour_name, price_text, say, slot_name
from retrieval.errors import OutfitError
from retrieval.images import to_data_url
from retrieval.items import Garment, Item, Lang

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

_INK, _MUTED, _LINE, _PAPER, _GROUND = "#1d1b19", "#6b645c", "#e4ded6", "#fbf9f6", "#f1ede7"
_WIDTH_PX = 1080
_MARGIN_PX = 56
_GAP_PX = 24
_SIDE_IN_PAGE_PX = 640

# Fonts with Chinese that systems bring along; the first that is there is used. Pillow's own font has Latin only.
_CHINESE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "SourceHanSansCN-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "STHeiti Light.ttc",
    "msyh.ttc",
    "simhei.ttf",
)


class Pictures(Protocol):
    def picture(self, sku: str) -> Image:
        """The picture of an item, RGB. Raises OutfitError where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class _Tile:
    caption: str
    name: str
    price: str
    picture: Image | None


def as_png(look: Look, garment: Garment | None, pictures: Pictures, lang: Lang) -> bytes:
    """The look as a PNG 1,080 px wide: its pieces with slot, name and price, its reason, its total.

    In Chinese where this machine has a font for it, else in English: letters that nobody can read help nobody.
    """
    from PIL import Image as pillow
    from PIL import ImageDraw

    lang = lang if lang == "en" or _chinese_font(20) else "en"
    fonts = {size: _font(size, lang) for size in (22, 24, 26, 30, 48)}
    tiles = _tiles(look, garment, pictures, lang)
    columns = 2 if len(tiles) in (1, 2, 4) else 3
    side = (_WIDTH_PX - 2 * _MARGIN_PX - (columns - 1) * _GAP_PX) // columns
    frame, under = (side, side * 4 // 3), 160
    rows = -(-len(tiles) // columns)
    inner = _WIDTH_PX - 2 * _MARGIN_PX

    reason = _wrapped(look.reason, fonts[26], inner, most=4)
    top = _MARGIN_PX + 76 + 38 * len(reason) + 36
    height = top + rows * (frame[1] + under) + 84
    sheet = pillow.new("RGB", (_WIDTH_PX, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN_PX, _MARGIN_PX), _fitted(look.title, fonts[48], inner), font=fonts[48], fill=_INK)
    for number, line in enumerate(reason):
        draw.text((_MARGIN_PX, _MARGIN_PX + 76 + 38 * number), line, font=fonts[26], fill=_MUTED)
    for place, tile in enumerate(tiles):
        x = _MARGIN_PX + (place % columns) * (side + _GAP_PX)
        y = top + (place // columns) * (frame[1] + under)
        _paint(sheet, draw, tile, (x, y), frame, fonts)
    foot = height - 70
    draw.line([(_MARGIN_PX, foot - 20), (_WIDTH_PX - _MARGIN_PX, foot - 20)], fill=_LINE, width=2)
    total = price_text(look.total, look.currency, lang)
    if total:
        draw.text((_MARGIN_PX, foot), f"{say('look.total', lang)}  {_drawable(total, fonts[30])}", font=fonts[30], fill=_INK)
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _tiles(look: Look, garment: Garment | None, pictures: Pictures, lang: Lang) -> list[_Tile]:
    tiles = []
    if garment is not None and garment.picture is not None:
        tiles.append(_Tile(say("garment.yours", lang), garment.title, "", garment.picture))
    for piece in look.pieces:
        price = price_text(piece.item.price, piece.item.currency, lang)
        tiles.append(_Tile(_caption(piece, lang), piece.item.title, price, _picture(piece.item, pictures)))
    return tiles


def _caption(piece: Piece, lang: Lang) -> str:
    slot = slot_name(piece.slot, lang)
    return f"{slot} · {say('piece.closest', lang)}" if piece.is_closest else slot


def _picture(item: Item, pictures: Pictures) -> Image | None:
    """None where the shop has no picture of it now; the frame stays empty and the words remain."""
    try:
        return pictures.picture(item.sku)
    except OutfitError:
        return None


def _paint(
    sheet: Image,
    draw: ImageDraw,
    tile: _Tile,
    at: tuple[int, int],
    frame: tuple[int, int],
    fonts: dict[int, FreeTypeFont],
) -> None:
    from PIL import Image as pillow
    from PIL import ImageChops, ImageOps

    (x, y), (width, height) = at, frame
    ground = pillow.new("RGB", frame, _GROUND)
    if tile.picture is not None:
        fitted = ImageOps.contain(tile.picture.convert("RGB"), frame, pillow.Resampling.LANCZOS)
        spot = ((width - fitted.width) // 2, (height - fitted.height) // 2)
        white = pillow.new("RGB", frame, "white")
        white.paste(fitted, spot)
        ground = ImageChops.multiply(ground, white)  # white studio paper takes on the tone of the ground
    sheet.paste(ground, at)
    draw.text((x, y + height + 10), _fitted(tile.caption, fonts[22], width), font=fonts[22], fill=_MUTED)
    lines = _wrapped(tile.name, fonts[24], width, most=2)
    for number, line in enumerate(lines):
        draw.text((x, y + height + 40 + 31 * number), line, font=fonts[24], fill=_INK)
    if tile.price:
        draw.text((x, y + height + 44 + 31 * len(lines)), _drawable(tile.price, fonts[26]), font=fonts[26], fill=_INK)


def _font(size: int, lang: Lang) -> FreeTypeFont:
    from PIL import ImageFont

    chinese = _chinese_font(size) if lang == "zh" else None
    return chinese or ImageFont.load_default(size)


def _chinese_font(size: int) -> FreeTypeFont | None:
    from PIL import ImageFont

    for name in _CHINESE_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None


def _drawable(price: str, font: FreeTypeFont) -> str:
    """A currency sign that the font lacks would be drawn as an empty box: its letters stand for it then."""
    for sign, letters in (("₹", "Rs "), ("€", "EUR "), ("¥", "CNY ")):
        if sign in price and font.getmask(sign).getbbox() == font.getmask("\uffff").getbbox():
            price = price.replace(sign, letters)
    return price


def _fitted(text: str, font: FreeTypeFont, width: int) -> str:
    """The text, cut with "…" where it is wider than `width` px."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _wrapped(text: str, font: FreeTypeFont, width: int, *, most: int) -> list[str]:
    """Lines no wider than `width` px: broken between words, or between characters where words have no spaces."""
    lines, line = [], ""
    for part in _breakable(text):
        if line and font.getlength(line + part.rstrip()) > width:
            lines.append(line.rstrip())
            line = part.lstrip()
        else:
            line += part
    lines.append(line.rstrip())
    if len(lines) > most:
        lines = [*lines[: most - 1], _fitted("".join(lines[most - 1 :]), font, width)]
    return [line for line in lines if line]


def _breakable(text: str) -> list[str]:
    parts: list[str] = []
    for char in text:
        is_wide = "\u2e80" <= char
        if parts and not is_wide and parts[-1] and not parts[-1].endswith(" ") and parts[-1][-1] < "\u2e80":
            parts[-1] += char
        else:
            parts.append(char)
    return parts


# --- as a page --------------------------------------------------------------------------------------------------------


def as_html(answer: Recommendation, pictures: Pictures, lang: Lang, looks: Sequence[Look] | None = None) -> str:
    """The looks (or some of them) as one page with its pictures inside: no script, nothing fetched from anywhere."""
    garment = answer.garment
    shown = answer.looks if looks is None else looks
    title = garment.title if garment else say("page.title", lang)
    own = _figure(garment.picture, garment.title) if garment and garment.picture else ""
    body = "".join(_section(look, pictures, lang) for look in shown) or f"<p>{escape(say('looks.none', lang))}</p>"
    return (
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><header>{own}"
        f"<div><h1>{escape(title)}</h1></div></header>{body}</body></html>"
    )


def _section(look: Look, pictures: Pictures, lang: Lang) -> str:
    total = price_text(look.total, look.currency, lang)
    head = f"<h2>{escape(look.title)}{f'<b>{escape(total)}</b>' if total else ''}</h2><p>{escape(look.reason)}</p>"
    gaps = "".join(f"<li>{escape(slot_name(gap.slot, lang))}: {escape(gap.reason)}</li>" for gap in look.unfilled)
    pieces = "".join(_entry(piece, pictures, lang) for piece in look.pieces)
    return f"<section>{head}<ul>{pieces}</ul>{f'<ol>{gaps}</ol>' if gaps else ''}</section>"


def _entry(piece: Piece, pictures: Pictures, lang: Lang) -> str:
    item = piece.item
    picture = _picture(item, pictures)
    gloss = ""
    if lang == "zh":
        gloss = f"<small>{escape((colour_name(item.colour, lang) if item.colour else '') + category_name(item.category, lang))}</small>"
    return (
        f"<li>{_figure(picture, item.title) if picture else '<figure></figure>'}"
        f"<small>{escape(_caption(piece, lang))}</small><strong>{escape(item.title)}</strong>{gloss}"
        f"<span>{escape(price_text(item.price, item.currency, lang))}</span><em>{escape(piece.verdict.reason)}</em></li>"
    )


def _figure(picture: Image, words: str) -> str:
    source = to_data_url(picture, quality=85, max_side_px=_SIDE_IN_PAGE_PX)
    return f'<figure><img src="{source}" alt="{escape(words)}"></figure>'


_STYLE = """
:root{color-scheme:light dark;--ink:#1d1b19;--muted:#6b645c;--line:#e4ded6;--paper:#fbf9f6;--ground:#f1ede7}
@media(prefers-color-scheme:dark){:root{--ink:#f3efea;--muted:#aaa198;--line:#37322d;--paper:#171513;--ground:#e9e4dd}}
body{margin:0 auto;max-width:1080px;padding:40px 20px;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
header{display:flex;gap:24px;align-items:center}header figure{width:140px;flex:none}h1{font-size:28px;line-height:1.2}
section{border-top:1px solid var(--line);margin-top:32px;padding-top:8px}
h2{display:flex;justify-content:space-between;gap:16px;font-size:20px}p,small,em{color:var(--muted)}
ul{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:20px}
li{display:flex;flex-direction:column;gap:2px}em{font-style:normal;font-size:14px}ol{color:var(--muted);padding-left:20px}
figure{margin:0 0 8px;aspect-ratio:3/4;background:var(--ground);border-radius:10px;overflow:hidden}
img{width:100%;height:100%;object-fit:contain;mix-blend-mode:multiply}
@media print{section{break-inside:avoid}}
"""
