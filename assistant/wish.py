"""What the shopper asked for, in force over the turns of a conversation: a value, and pure functions on it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from retrieval.items import Gender, Lang, Slot


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
