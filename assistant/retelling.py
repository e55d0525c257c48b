"""A look that was put together in one language, told in another: pure functions.

Its title, its reason and the reasons of its gaps are of our own making, so that they can be said anew; reasons of pieces
are the judge's (`assistant.chat`). What is in nobody's words of ours stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import get_args

from assistant.characters import titles
from assistant.coherence import score_set
from assistant.looks import Look, Unfilled
from assistant.outfit import reasons_of_gaps
from assistant.words import TEXTS
from retrieval.items import Garment, Lang, Slot

_LANGS: tuple[Lang, ...] = get_args(Lang)
_HOLE = "\0"


def look_in(look: Look, garment: Garment, lang: Lang) -> Look:
    """The look around the garment; its reason is that of the pieces which it has now."""
    reason = score_set([garment, *(piece.item.as_garment() for piece in look.pieces)], lang).reason
    gaps = tuple(_gap_in(gap, lang) for gap in look.unfilled)
    return replace(look, title=title_in(look.title, lang), reason=reason, unfilled=gaps)


def title_in(title: str, lang: Lang) -> str:
    return _titles_in(lang).get(title, title)


@cache
def _titles_in(lang: Lang) -> MappingProxyType[str, str]:
    """Every title in any language -> the same in this one."""
    found: dict[str, str] = {}
    for same in titles():
        for title in same.values():
            found.setdefault(title, same[lang])
    return MappingProxyType(found)


def _gap_in(gap: Unfilled, lang: Lang) -> Unfilled:
    for old, new in _sentences(gap.slot, lang):
        before, hole, after = old.partition(_HOLE)
        said = gap.reason[len(before) : len(gap.reason) - len(after)]
        if f"{before}{said}{after}" == gap.reason and (hole or not said):
            return replace(gap, reason=new.replace(_HOLE, said))
    return gap


def _sentences(slot: Slot, lang: Lang) -> Iterator[tuple[str, str]]:
    """What may have been said of a gap, in each language, and the same in this one, with a hole for what was named in it."""
    gone = dict(zip(("en", "zh"), (text.format(title=_HOLE) for text in TEXTS["look.gone"]), strict=True))
    for old in _LANGS:
        yield gone[old], gone[lang]
        yield from zip(reasons_of_gaps(slot, old, _HOLE), reasons_of_gaps(slot, lang, _HOLE), strict=True)
