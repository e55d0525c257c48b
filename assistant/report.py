"""A recommendation as plain data, for `--json`, the API and exports: what the catalogue and the judges said, no more."""

from __future__ import annotations

from typing import Any

from assistant.looks import Look, Piece, Recommendation, Trace
from assistant.stylists import Verdict
from retrieval.finding import Finding
from retrieval.items import Attributes, Detection, Garment, Hit, Item, Swatch


def recommendation(answer: Recommendation) -> dict[str, Any]:
    """Everything of an answer but the pictures. Numbers are JSON numbers, prices decimal texts, missing values None."""
    return {
        "detections": [detection(found) for found in answer.detections],
        "needs_choice": answer.needs_choice,
        "garment": None if answer.garment is None else garment(answer.garment),
        "chosen": None if answer.chosen is None else detection(answer.chosen),
        "same_product": [hit(found) for found in answer.same_product],
        "looks": [look(one) for one in answer.looks],
        "withheld": [piece(one) for one in answer.withheld],
        "trace": trace(answer.trace),
    }


def look(one: Look) -> dict[str, Any]:
    return {
        "title": one.title,
        "score": round(one.score, 4),
        "reason": one.reason,
        "total": None if one.total is None else str(one.total),
        "currency": one.currency,
        "pieces": [piece(p) for p in one.pieces],
        "unfilled": [{"slot": gap.slot, "reason": gap.reason} for gap in one.unfilled],
    }


def piece(one: Piece) -> dict[str, Any]:
    return {
        "slot": one.slot,
        "item": item(one.item),
        "verdict": verdict(one.verdict),
        "score": round(one.score, 4),
        "is_closest": one.is_closest,
        "is_locked": one.is_locked,
    }


def verdict(one: Verdict) -> dict[str, Any]:
    p_yes = None if one.p_yes is None else round(one.p_yes, 4)
    return {"answer": one.answer, "p_yes": p_yes, "reason": one.reason, "model": one.model}


def item(one: Item) -> dict[str, Any]:
    """Facts of the catalogue, from the database alone."""
    return {
        "sku": one.sku,
        "title": one.title,
        "category": one.category,
        "slot": one.slot,
        "gender": one.gender,
        "colour": one.colour,
        "season": one.season,
        "usage": one.usage,
        "price": None if one.price is None else str(one.price),
        "currency": one.currency,
        "stock": one.stock,
        "url": one.url,
        "views": [view.name for view in one.views],
    }


def hit(one: Hit) -> dict[str, Any]:
    """Of a product found by a picture, `p_same` and `closeness` say how sure that is; `score` only orders hits."""
    return {
        "item": item(one.item),
        "score": round(one.score, 4),
        "view": one.view,
        "p_same": None if one.p_same is None else round(one.p_same, 4),
        "closeness": one.closeness,
        "twins": list(one.twins),
    }


def finding(one: Finding) -> dict[str, Any]:
    """What a photo led to: a choice to make, or products, with a sentence where no garment was found."""
    return {
        "data": [hit(found) for found in one.hits],
        "detections": [detection(found) for found in one.detections],
        "needs_choice": one.needs_choice,
        "notice": one.notice,
    }


def garment(one: Garment) -> dict[str, Any]:
    return {
        "title": one.title,
        "attributes": attributes(one.attributes),
        "palette": [swatch(s) for s in one.palette],
        "sku": one.sku,
    }


def attributes(one: Attributes) -> dict[str, Any]:
    return {
        "category": one.category,
        "sub_category": one.sub_category,
        "slot": one.slot,
        "gender": one.gender,
        "colour": one.colour,
        "season": one.season,
        "usage": one.usage,
        "confidence": {name: round(value, 4) for name, value in one.confidence.items()},
    }


def swatch(one: Swatch) -> dict[str, Any]:
    return {"name": one.name, "family": one.family, "hex": one.hex, "share": round(one.share, 4)}


def detection(one: Detection) -> dict[str, Any]:
    return {
        "box": [round(side, 1) for side in one.box.as_tuple()],
        "label": one.label,
        "slot": one.slot,
        "confidence": round(one.confidence, 4),
    }


def trace(one: Trace) -> dict[str, Any]:
    return {
        "seconds": round(one.seconds, 4),
        "steps": [
            {
                "name": step.name,
                "seconds": round(step.seconds, 4),
                "counts": step.counts,
                "model": step.model,
                "prompt_digest": step.prompt_digest,
            }
            for step in one.steps
        ],
        "notices": list(one.notices),
    }
