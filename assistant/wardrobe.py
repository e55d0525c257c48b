"""What a visitor keeps, in SQL beside the catalogue: garments of their own, and looks that a link opens again.

A visitor is known by the sha256 of a secret in a cookie; everything but a look behind its link is read by that visitor
alone. Nothing is kept that was not asked for, and `forget` leaves nothing.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import secrets
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from assistant import report
from assistant.looks import OWN, Look, Piece, Recommendation, Unfilled
from assistant.stylists import Answer, Verdict
from assistant.words import say
from retrieval import images
from retrieval.catalogue import Catalogue, swatches_of
from retrieval.errors import InvalidInput
from retrieval.items import Attributes, Garment, Gender, Item, Lang, Slot, Swatch, View
from retrieval.tables import saved_looks, wardrobe_garments

if TYPE_CHECKING:
    from PIL.Image import Image
    from sqlalchemy import Row

MOST_GARMENTS, MOST_LOOKS = 200, 100  # of one visitor
_SIDE_PX = 480  # longer side of a kept picture
_SECRET = re.compile(r"[A-Za-z0-9_-]{22}")


class WardrobeFull(InvalidInput):
    """A visitor keeps as much as one may."""

    code = "wardrobe_full"


class LookGone(InvalidInput):
    """A link whose look was deleted, or never was."""

    code = "look_gone"


@dataclass(frozen=True, slots=True)
class KeptLook:
    """A look as it was kept. `answer` holds it alone, with today's prices and stock; what is gone is named as unfilled."""

    token: str
    answer: Recommendation
    lang: Lang
    kept_at: datetime


def visitor_of(secret: str) -> str:
    """How SQL knows the visitor with this secret. Raises InvalidInput for what is no secret of ours."""
    if not _SECRET.fullmatch(secret):
        raise InvalidInput("the browser sent no visitor that is known here", hint="reload the page and try again")
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    return secrets.token_urlsafe(16)


class Wardrobe:
    """All visitors' things over one catalogue. Every method may be called from several threads and processes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    # --- garments -----------------------------------------------------------------------------------------------------

    def keep_garment(self, visitor: str, garment: Garment, picture: Image) -> str:
        """Keep a garment with its RGB picture and give its id; the same one twice is kept once.

        Raises InvalidInput for a garment of which nobody knows what it is, WardrobeFull beyond `MOST_GARMENTS`.
        """
        if garment.attributes.category is None or garment.attributes.slot is None:
            raise InvalidInput("it is not known yet what this garment is", hint="choose its category first")
        data = images.encode_jpeg(images.thumbnail(picture, _SIDE_PX), quality=88)
        # From the visitor's own hash, so that nobody else can name it, and from the picture, so that it is kept once.
        digest = hashlib.sha256(visitor.encode() + data).digest()
        name = base64.urlsafe_b64encode(digest)[:22].decode()
        with self._catalogue.writing() as connection:
            mine = select(wardrobe_garments.c.id).where(wardrobe_garments.c.visitor == visitor)
            kept = set(connection.execute(mine).scalars())
            if name in kept:
                return name
            if len(kept) >= MOST_GARMENTS:
                raise WardrobeFull(f"a wardrobe holds at most {MOST_GARMENTS} garments", hint="remove one first")
            row = {
                "id": name,
                "visitor": visitor,
                "title": garment.title,
                "attributes": report.attributes(garment.attributes),
                "palette": _palette(garment.palette),
                "picture": data,
                "kept_at": _now(),
            }
            connection.execute(insert(wardrobe_garments).values(row))
        return name

    def garments(self, visitor: str) -> list[Item]:
        """The visitor's own garments as items, newest first."""
        columns = [column for column in wardrobe_garments.c if column.name != "picture"]
        statement = select(*columns).where(wardrobe_garments.c.visitor == visitor)
        newest = wardrobe_garments.c.kept_at.desc(), wardrobe_garments.c.id
        with self._catalogue.reading() as connection:
            return [_own_item(f"{OWN}{row.id}", row) for row in connection.execute(statement.order_by(*newest))]

    def garment(self, visitor: str, name: str) -> Garment:
        """One of the visitor's own, with its picture, to build looks around. Raises InvalidInput where it is not theirs."""
        mine = wardrobe_garments.c.id == name, wardrobe_garments.c.visitor == visitor
        with self._catalogue.reading() as connection:
            row = connection.execute(select(wardrobe_garments).where(*mine)).first()
        if row is None:
            raise InvalidInput("that garment is not in your wardrobe any more")
        return Garment(row.title, _attributes(row.attributes), swatches_of(row.palette), images.decode(row.picture))

    def picture_bytes(self, visitor: str | None, name: str) -> bytes | None:
        """The JPEG of a visitor's garment (its id), or of the n-th piece of a look behind a link ("token/n"), or of the
        garment that such a look is built around ("token"); None where there is none that this visitor may see."""
        token, _, place = name.partition("/")
        with self._catalogue.reading() as connection:
            if place.isdecimal():
                content = connection.execute(select(saved_looks.c.content).where(saved_looks.c.token == token)).scalar()
                pieces = content["pieces"] if content else []
                own = pieces[int(place)].get("own") if int(place) < len(pieces) else None
                return base64.b64decode(own["picture"]) if own else None
            picture = connection.execute(select(saved_looks.c.picture).where(saved_looks.c.token == name)).scalar()
            if picture is not None or visitor is None:
                return picture
            mine = wardrobe_garments.c.id == name, wardrobe_garments.c.visitor == visitor
            return connection.execute(select(wardrobe_garments.c.picture).where(*mine)).scalar()

    def picture(self, sku: str) -> Image:
        """The RGB picture of an own item that is on show, for the judge and for exports: whoever sees the item may see
        it. Raises InvalidInput where it was deleted."""
        name = sku.removeprefix(OWN)
        with self._catalogue.reading() as connection:
            whose = select(wardrobe_garments.c.visitor).where(wardrobe_garments.c.id == name)
            visitor = connection.execute(whose).scalar()
        data = self.picture_bytes(visitor, name)
        if data is None:
            raise InvalidInput("there is no picture of that garment any more")
        return images.decode(data)

    # --- looks --------------------------------------------------------------------------------------------------------

    def keep_look(self, visitor: str, look: Look, garment: Garment, lang: Lang) -> str:
        """Keep a look and give the secret of its link. Raises WardrobeFull beyond `MOST_LOOKS`."""
        pictures = {p.item.sku: self.picture_bytes(visitor, _name(p.item)) for p in look.pieces if p.is_own}
        token = new_secret()
        row = {
            "token": token,
            "visitor": visitor,
            "title": look.title,
            "content": _content(look, garment, lang, pictures),
            "picture": images.encode_jpeg(garment.picture) if garment.picture is not None and not garment.sku else None,
            "kept_at": _now(),
        }
        with self._catalogue.writing() as connection:
            mine = select(func.count()).where(saved_looks.c.visitor == visitor)
            if connection.execute(mine).scalar_one() >= MOST_LOOKS:
                raise WardrobeFull(f"a wardrobe holds at most {MOST_LOOKS} looks", hint="remove one first")
            connection.execute(insert(saved_looks).values(row))
        return token

    def looks(self, visitor: str) -> list[KeptLook]:
        """The visitor's looks, newest first."""
        newest = saved_looks.c.kept_at.desc(), saved_looks.c.token
        with self._catalogue.reading() as connection:
            statement = select(saved_looks).where(saved_looks.c.visitor == visitor).order_by(*newest)
            rows = connection.execute(statement).all()
        return [self._kept(row) for row in rows]

    def open_look(self, token: str) -> KeptLook:
        """The look behind a link. Raises LookGone."""
        with self._catalogue.reading() as connection:
            row = connection.execute(select(saved_looks).where(saved_looks.c.token == token[:22])).first()
        if row is None:
            raise LookGone("the look of this link is not kept any more")
        return self._kept(row)

    def _kept(self, row: Row) -> KeptLook:
        content = row.content
        skus = [piece["sku"] for piece in content["pieces"] if "own" not in piece]
        there = self._catalogue.items([sku for sku in (*skus, content["garment"]["sku"]) if sku])
        return KeptLook(row.token, _answer(row, there), content["lang"], row.kept_at)

    # --- taking away --------------------------------------------------------------------------------------------------

    def remove(self, visitor: str, name: str) -> None:
        """Delete one garment or one look of this visitor; what is not there is gone already."""
        with self._catalogue.writing() as connection:
            for table, key in ((wardrobe_garments, wardrobe_garments.c.id), (saved_looks, saved_looks.c.token)):
                connection.execute(delete(table).where(table.c.visitor == visitor, key == name))

    def forget(self, visitor: str) -> None:
        """Delete everything of this visitor; links to their looks open nothing from then on."""
        with self._catalogue.writing() as connection:
            for table in (wardrobe_garments, saved_looks):
                connection.execute(delete(table).where(table.c.visitor == visitor))

    def export(self, visitor: str) -> bytes:
        """Everything of this visitor as a zip: `wardrobe.json` and the pictures that it names."""
        out = io.BytesIO()
        garments, looks = [], []
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, self._catalogue.reading() as connection:
            for row in connection.execute(select(wardrobe_garments).where(wardrobe_garments.c.visitor == visitor)):
                file = f"garments/{row.id}.jpg"
                archive.writestr(file, row.picture)
                kept = {"title": row.title, "attributes": row.attributes, "palette": row.palette, "picture": file}
                garments.append(kept | {"kept_at": row.kept_at.isoformat()})
            for row in connection.execute(select(saved_looks).where(saved_looks.c.visitor == visitor)):
                file = f"looks/{row.token}.jpg" if row.picture else None
                if file:
                    archive.writestr(file, row.picture)
                kept = {"title": row.title, "link": f"?look={row.token}", "picture": file, "content": row.content}
                looks.append(kept | {"kept_at": row.kept_at.isoformat()})
            text = json.dumps({"garments": garments, "looks": looks}, ensure_ascii=False, indent=2)
            archive.writestr("wardrobe.json", text)
        return out.getvalue()


# --- values to rows and back ------------------------------------------------------------------------------------------


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _name(item: Item) -> str:
    return item.sku.removeprefix(OWN)


def _palette(palette: Sequence[Swatch]) -> list[list[Any]]:
    return [[s.name, s.family, list(s.lab), s.hex, s.share] for s in palette]


def _attributes(kept: dict[str, Any]) -> Attributes:
    slot, gender = kept["slot"], kept["gender"]
    plain = {name: kept[name] for name in ("category", "sub_category", "colour", "season", "usage", "confidence")}
    return Attributes(slot=Slot(slot) if slot else None, gender=Gender(gender) if gender else None, **plain)


def _own_item(sku: str, row: Any) -> Item:
    """A garment as an item without a price. Who keeps it wears it, whatever gender was read off its picture."""
    known = _attributes(row.attributes)
    view = View("own", "", hashlib.sha256(sku.encode()).hexdigest(), 1, 1, swatches_of(row.palette))
    return Item(
        sku, row.title, known.category, known.slot, Gender.UNISEX, known.sub_category, None, known.colour, known.season,
        known.usage, views=(view,),
    )  # fmt: skip


def _content(look: Look, garment: Garment, lang: Lang, pictures: dict[str, bytes | None]) -> dict[str, Any]:
    pieces = []
    for piece in look.pieces:
        kept = report.piece(piece)
        row = {name: kept[name] for name in ("slot", "verdict", "score", "is_closest")}
        row |= {"sku": piece.item.sku, "title": piece.item.title}
        if piece.is_own:
            shown = base64.b64encode(pictures[piece.item.sku] or b"").decode()
            own = report.attributes(piece.item.attributes)
            row["own"] = {"attributes": own, "palette": _palette(piece.item.palette), "picture": shown}
        pieces.append(row)
    return {
        "lang": lang,
        "reason": look.reason,
        "score": look.score,
        "unfilled": [[gap.slot, gap.reason] for gap in look.unfilled],
        "pieces": pieces,
        "garment": {
            "title": garment.title,
            "sku": garment.sku,
            "attributes": report.attributes(garment.attributes),
            "palette": _palette(garment.palette),
        },
    }


@dataclass(frozen=True, slots=True)
class _OwnRow:
    title: str
    attributes: dict[str, Any]
    palette: list


def _answer(row: Row, there: dict[str, Item]) -> Recommendation:
    """The kept look with what the shop has now. Prices are today's; a piece that is gone or sold out leaves its slot."""
    content, lang = row.content, row.content["lang"]
    pieces, gaps = [], [Unfilled(Slot(slot), reason) for slot, reason in content["unfilled"]]
    for place, kept in enumerate(content["pieces"]):
        slot = Slot(kept["slot"])
        if own := kept.get("own"):
            item = _own_item(f"{OWN}{row.token}/{place}", _OwnRow(kept["title"], own["attributes"], own["palette"]))
        else:
            item = there.get(kept["sku"])
        if item is None or not item.is_available:
            gaps.append(Unfilled(slot, say("look.gone", lang, title=kept["title"])))
            continue
        said = kept["verdict"]
        verdict = Verdict(Answer(said["answer"]), said["p_yes"], said["reason"], said["model"])
        pieces.append(Piece(slot, item, verdict, kept["score"], kept["is_closest"]))
    look = Look(row.title, tuple(pieces), content["score"], content["reason"], tuple(gaps)).summed()
    garment = _garment(content["garment"], row.picture, there)
    return Recommendation((), garment, looks=(look,))


def _garment(kept: dict[str, Any], picture: bytes | None, there: dict[str, Item]) -> Garment:
    item = there.get(kept["sku"]) if kept["sku"] else None
    if item is not None:
        return item.as_garment()
    shown = images.decode(picture) if picture else None
    garment = Garment(kept["title"], _attributes(kept["attributes"]), swatches_of(kept["palette"]), shown)
    return replace(garment, sku=kept["sku"])
