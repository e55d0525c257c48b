"""What the shopper asked for, in force over the turns of a conversation: a value, and pure functions on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from decimal import Decimal

from retrieval.items import Gender, Lang, Slot
from retrieval.lexicon import term_for
from retrieval.vocabulary import category_zh

_SINGULAR = {
    "slots": "slot",
    "categories": "category",
    "colours": "colour",
    "materials": "material",
    "patterns": "pattern",
    "words": "word",
}
_CURRENCY_SIGN = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "INR": "₹"}
_TONE = {"light": ("light", "浅色"), "dark": ("dark", "深色"), "bright": ("bright", "鲜艳"), "muted": ("muted", "柔和")}
_GENDER_ZH = {"Men": "男士", "Women": "女士", "Boys": "男童", "Girls": "女童", "Unisex": "中性"}
_SLOT_ZH = {
    Slot.TOP: "上装",
    Slot.BOTTOM: "下装",
    Slot.ONE_PIECE: "连身装",
    Slot.OUTERWEAR: "外套",
    Slot.SHOES: "鞋",
    Slot.BAG: "包",
    Slot.ACCESSORY: "配饰",
}


@dataclass(frozen=True, slots=True)
class Chip:
    """One condition in force, as it is shown: `Wish.without(key)` takes it off."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Everything asked for so far. Empty means no condition. Names are the catalogue's own words.

    `budget_total` bounds the whole look, `budget_piece` each piece, both in the catalogue's currency unless `currency`
    says otherwise. `cheaper_than` is the price of the pieces that "cheaper" refers to, by slot. `like_sku` with `colour`
    is "the same but navy". `locked` pieces stay in every look; `excluded` skus are never shown again.
    """

    lang: Lang = "en"
    slots: frozenset[Slot] = frozenset()  # only these; empty: all that the look lacks
    without_slots: frozenset[Slot] = frozenset()
    categories: frozenset[str] = frozenset()  # "only sneakers"
    without_categories: frozenset[str] = frozenset()
    colours: frozenset[str] = frozenset()
    without_colours: frozenset[str] = frozenset()
    materials: frozenset[str] = frozenset()
    without_materials: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    without_patterns: frozenset[str] = frozenset()
    without_words: frozenset[str] = frozenset()  # English words of a title that are not wanted: "boot", "ripped"
    tone: str | None = None  # light, dark, bright or muted, whatever the colour
    gender: Gender | None = None
    usage: str | None = None  # Casual, Formal, Party, Sports, Ethnic, Smart Casual, Travel
    occasion: str | None = None  # "wedding": shown back to the shopper; `usage` is what the search uses
    season: str | None = None
    budget_total: Decimal | None = None
    budget_piece: Decimal | None = None
    currency: str | None = None
    cheaper_than: tuple[tuple[Slot, Decimal], ...] = ()
    like_sku: str | None = None
    locked: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    words: str = ""  # what was said and not understood otherwise: searched as text

    def want(self, field: str, names: Iterable[str], *, add: bool = False) -> Wish:
        """With these `slots`, `categories`, `colours`, `materials` or `patterns` wanted, and no longer unwanted.

        They take the place of what was wanted before unless `add`.
        """
        wanted = frozenset(names)
        kept = getattr(self, field) if add else frozenset()
        return replace(self, **{field: kept | wanted, f"without_{field}": getattr(self, f"without_{field}") - wanted})

    def avoid(self, field: str, names: Iterable[str]) -> Wish:
        """With these unwanted, and no longer wanted; what was unwanted before stays so."""
        unwanted = frozenset(names)
        changed = {f"without_{field}": getattr(self, f"without_{field}") | unwanted}
        if field != "words":
            changed[field] = getattr(self, field) - unwanted
        return replace(self, **changed)

    def without(self, key: str) -> Wish:
        """The wish less one condition, by the key of its chip; an unknown key changes nothing."""
        field, _, name = key.partition(":")
        if field not in {each.name for each in fields(self)} or field == "lang":
            return self
        value = getattr(self, field)
        if name and isinstance(value, frozenset):
            return replace(self, **{field: frozenset(each for each in value if str(each) != name)})
        fresh = replace(self, **{field: getattr(Wish(), field)})
        if field == "occasion":  # the usage came with it
            fresh = replace(fresh, usage=None)
        return fresh

    def chips(self, lang: Lang) -> tuple[Chip, ...]:
        """The conditions in force in words, in the order of the fields; empty where there is none."""
        found: list[Chip] = []
        for each in fields(self):
            field, value = each.name, getattr(self, each.name)
            if field in ("lang", "currency") or not value:  # a currency is shown with its amount
                continue
            if field == "usage" and self.occasion and _usage_of(self.occasion) == value:
                continue  # said by the occasion's chip
            if isinstance(value, frozenset) and field not in ("locked", "excluded"):
                names = sorted(value, key=str)
                found += [Chip(f"{field}:{name}", _named(field, str(name), lang)) for name in names]
            else:
                found.append(Chip(field, self._text(field, lang)))
        return tuple(found)

    def _text(self, field: str, lang: Lang) -> str:
        zh = lang == "zh"
        value = getattr(self, field)
        if field in ("budget_total", "budget_piece"):
            amount = f"{_CURRENCY_SIGN.get(self.currency or '', '')}{value.normalize():f}"
            if field == "budget_total":
                return f"总价不超过 {amount}" if zh else f"under {amount} in all"
            return f"单件不超过 {amount}" if zh else f"under {amount} each"
        plain = {
            "tone": lambda: _TONE[value][zh],
            "gender": lambda: _GENDER_ZH[value] if zh else str(value),
            "cheaper_than": lambda: "更便宜" if zh else "cheaper",
            "like_sku": lambda: "同款" if zh else "the same piece",
            "locked": lambda: f"保留 {len(value)} 件" if zh else f"{len(value)} kept",
            "excluded": lambda: f"不再显示 {len(value)} 件" if zh else f"{len(value)} hidden",
            "words": lambda: str(value),
        }
        return plain[field]() if field in plain else _known(field, str(value), lang)


def _usage_of(occasion: str) -> str | None:
    term = term_for("occasion", occasion)
    return term.usage if term else None


def _named(field: str, name: str, lang: Lang) -> str:
    unwanted = field.startswith("without_")
    text = _known(_SINGULAR[field.removeprefix("without_")], name, lang)
    if not unwanted:
        return text
    return f"不要{text}" if lang == "zh" else f"no {text}"


def _known(kind: str, name: str, lang: Lang) -> str:
    """A name of the catalogue in the language of the page; what is not in the tables stays as it is."""
    if kind == "slot":
        return _SLOT_ZH[Slot(name)] if lang == "zh" else name
    if kind == "category":
        return category_zh(name) if lang == "zh" else name
    found = term_for(kind, name) if kind != "word" else term_for("cut", name) or term_for("category", name)
    return found.zh if lang == "zh" and found and found.zh else name
