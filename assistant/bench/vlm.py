"""What the client of the vision model costs and saves, against a loopback server that answers after 200 ms a call.

No model runs: these are figures of the way to the model. The server lives in a process of its own. The naive way is
what it is measured against: pairs one after another, pictures with the model's default tiling.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.guardrail import Policy, admit
from assistant.looks import Candidate
from assistant.stylists import Answer, Verdict, budget
from assistant.stylists.client import ChatClient
from assistant.stylists.replies import Unreadable, read_verdict
from assistant.stylists.vlm import Manner, VlmStylist
from assistant.turn import within
from assistant.verdicts import VerdictCache
from assistant.wording import load
from retrieval.errors import ModelUnavailable
from retrieval.evaluation.results import Result, revision
from retrieval.items import Attributes, Garment, Gender, Item, Slot, View

if TYPE_CHECKING:
    from PIL.Image import Image

_LATENCY_S = 0.2
_SLOTS, _PER_SLOT = (Slot.TOP, Slot.OUTERWEAR, Slot.SHOES, Slot.BAG, Slot.ACCESSORY), 20
_CALLS = 60
_TIMES = 5  # the concurrent way; the sequential one takes 20 s each time
_MALFORMED = 1_000


def bench_vlm(_data: Path, seed: int) -> Result:
    """Five suggestions of twenty candidates each; see the head of this module. `n` is the number of pairs."""
    figures: dict[str, float] = {}
    with _server() as url:
        one = _in_fresh_process(url, "sequential", seed)
        many = [_in_fresh_process(url, "concurrent", seed) for _ in range(_TIMES)]
        concurrent_s = statistics.median(each["seconds"] for each in many)
        figures |= {
            "sequential_s": one["seconds"],
            "concurrent_s": concurrent_s,
            "times_faster": one["seconds"] / concurrent_s,
            "same_admitted": float(all(each["admitted"] == one["admitted"] for each in many)),
            "admitted": float(len(one["admitted"])),
            "more_memory_mb": statistics.median(each["memory_mb"] for each in many) - one["memory_mb"],
        }
        figures |= _overhead(url, seed)
        figures |= _tokens(url, seed)
    figures |= _cache(seed)
    figures |= _malformed(seed)
    return Result("vlm", "outfit bench vlm", revision(), seed, len(_SLOTS) * _PER_SLOT, figures)


# --- pairs ------------------------------------------------------------------------------------------------------------


def measure_pairs(url: str, mode: str, seed: int) -> dict[str, object]:
    """Seconds, admitted skus and peak memory of this process; run in a fresh one, since a peak never falls."""
    reference, candidates, pictures = _scene(seed)
    stylist = _stylist(url, Manner(is_fast=False))
    began = time.perf_counter()
    if mode == "concurrent":
        everyone = Policy(per_slot=_PER_SLOT, max_rounds=1)
        result = admit(reference, candidates, stylist=stylist, pictures=lambda i: pictures[i.sku], policy=everyone)
        admitted = [piece.item.sku for slot in _SLOTS for piece in result.pieces[slot]]
    else:
        admitted = [
            candidate.item.sku
            for slot in _SLOTS
            for candidate in candidates[slot]
            if stylist.judge(reference, candidate.item.as_garment(pictures[candidate.item.sku]), "en").answer
            is Answer.YES
        ]
    seconds = time.perf_counter() - began
    stylist.close()
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "admitted": admitted, "memory_mb": memory_mb}


def _in_fresh_process(url: str, mode: str, seed: int) -> dict:
    call = f"measure_pairs({url!r}, {mode!r}, {seed})"
    code = f"import json; from assistant.bench.vlm import measure_pairs; print(json.dumps({call}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _scene(seed: int) -> tuple[Garment, dict[Slot, list[Candidate]], dict[str, Image]]:
    """A blue garment, and candidates of which about half are neutral: the server's rule admits those."""
    import PIL.Image

    rng = random.Random(seed)
    reference = Garment(
        "Blue jeans", Attributes(category="Jeans"), picture=PIL.Image.new("RGB", (400, 530), (30, 50, 190))
    )
    candidates: dict[Slot, list[Candidate]] = {}
    pictures: dict[str, Image] = {}
    for slot in _SLOTS:
        candidates[slot] = []
        for n in range(_PER_SLOT):
            sku = f"{slot}-{n}"
            grey = rng.randrange(256)
            rgb = (
                (grey, grey, grey)
                if rng.random() < 0.5
                else (rng.randrange(150, 256), rng.randrange(60), rng.randrange(60))
            )
            pictures[sku] = PIL.Image.new("RGB", (60, 80), rgb)
            view = View("front", f"{sku}.jpg", sku, 60, 80)
            item = Item(sku, f"Piece {sku}", "Accessory", slot, Gender.UNISEX, views=(view,))
            candidates[slot].append(Candidate(slot, item, 1 - n / 100))
    return reference, candidates, pictures


# --- one call ---------------------------------------------------------------------------------------------------------


def _overhead(url: str, seed: int) -> dict[str, float]:
    """What a call takes beyond the server's own seconds, one after another; and the processor time of it."""
    reference, candidates, pictures = _scene(seed)
    garments = [c.item.as_garment(pictures[c.item.sku]) for slot in _SLOTS for c in candidates[slot]][: _CALLS + 1]
    stylist = _stylist(url, Manner(is_fast=False))
    stylist.judge(reference, garments[0], "en")
    before, processor, taken = len(_server_seconds(url)), time.process_time(), []
    for garment in garments[1:]:
        began = time.perf_counter()
        stylist.judge(reference, garment, "en")
        taken.append(time.perf_counter() - began)
    processor_ms = (time.process_time() - processor) * 1000 / _CALLS
    stylist.close()
    over = [(mine - theirs) * 1000 for mine, theirs in zip(taken, _server_seconds(url)[before:], strict=True)]
    return {
        "overhead_ms_median": statistics.median(over),
        "overhead_ms_p90": statistics.quantiles(over, n=10)[-1],
        "overhead_processor_ms": processor_ms,
    }


def _tokens(url: str, seed: int) -> dict[str, float]:
    """Tokens sent for one pair: by one token's probabilities, with a written reason, and naively (default tiling)."""
    reference, candidates, pictures = _scene(seed)
    garment = candidates[_SLOTS[0]][0].item.as_garment(pictures[f"{_SLOTS[0]}-0"])
    asked = {}
    for manner in (Manner(is_fast=True), Manner(is_fast=False)):
        stylist = _stylist(url, manner)
        with within() as now:
            stylist.judge(reference, garment, "en")
        stylist.close()
        asked[manner.is_fast] = now.calls[0]
    words = [load("system").text, load("judge").fill(reference="jeans", candidate="a shirt", language="English")]
    naive = budget.message_cost(words, [(60, 80, budget.DEFAULT_TILES)] * 2, 0).total
    glance, written = asked[True].planned_tokens - 1, asked[False].planned_tokens - 300
    return {
        "pair_tokens_fast": glance,
        "pair_tokens_with_reason": written,
        "pair_tokens_naive": naive,
        "naive_over_fast": naive / glance,
        "naive_over_with_reason": naive / written,
    }


def _cache(seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        cache = VerdictCache(Path(folder) / "verdicts.sqlite")
        verdict = Verdict(Answer.YES, 0.9, "Navy grounds the white shirt.", "InternVL2-8B")
        keys = [f"{random.Random(seed + n).getrandbits(256):064x}" for n in range(2_000)]
        for key in keys:
            cache.put(key, verdict)
        taken = []
        for key in keys:
            began = time.perf_counter()
            cache.get(key)
            taken.append((time.perf_counter() - began) * 1000)
        cache.close()
    return {"cache_hit_ms_median": statistics.median(taken)}


# --- malformed replies ------------------------------------------------------------------------------------------------

# No clear yes in any of them, and none comes of adding noise, which has neither "e" nor "s".
_TRUTHS = ("no", "yes, but only in summer", "yes/no", "not yes", "unsure", "", "否", "也许是", "Yes and no", "nope")
_SHAPES = (
    '{"answer": "%s", "reason": "too loud"}', "{'reason': 'hm', 'answer': '%s'}", '```json\n{"answer": "%s",}\n```',
    'Sure: {"result": {"answer": "%s"}}', '[{"answer": "%s"}]', "{answer: %s, reason: fine}", "%s", '{"ANSWER" : "%s"',
)  # fmt: skip
_NOISE = "{}[]\",:'\\\n 0+-.trufaln<|>“”：，\x00\ud800😀"


def _malformed(seed: int) -> dict[str, float]:
    """Replies that are no clear yes, with noise put in at random and ends cut off: none may raise anything but
    Unreadable, and none may be a yes."""
    rng = random.Random(seed)
    exceptions = false_yes = 0
    for _ in range(_MALFORMED):
        truth = rng.choice(_TRUTHS)
        text = rng.choice(_SHAPES) % truth
        for _ in range(rng.randrange(6)):
            at = rng.randrange(len(text) + 1)
            noise = rng.choice(_NOISE) * rng.choice((1, 1, 1, 2, rng.randrange(1, 3_000)))
            text = text[:at] + noise + text[at:]
        if "es" not in truth.casefold():  # what is left of "yes/no" may well be a yes
            text = text[: rng.randrange(len(text) + 1)] if rng.random() < 0.3 else text
        try:
            false_yes += read_verdict(text)[0] is Answer.YES
        except Unreadable:
            pass
        except Exception:
            exceptions += 1
    return {
        "malformed": float(_MALFORMED),
        "malformed_exceptions": float(exceptions),
        "malformed_false_yes": float(false_yes),
    }


# --- the server -------------------------------------------------------------------------------------------------------


def _stylist(url: str, manner: Manner) -> VlmStylist:
    stylist = VlmStylist(ChatClient(url, "InternVL2-8B", concurrency=50), ("Jeans", "Shirts"), manner)
    stylist.probe()
    return stylist


@contextmanager
def _server() -> Iterator[str]:
    parts = [sys.executable, "-m", "assistant.stylists.rehearsal", str(_LATENCY_S)]
    with subprocess.Popen(parts, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise ModelUnavailable("the loopback server did not start", hint=" ".join(parts[1:]))
            yield url
        finally:
            process.terminate()


def _server_seconds(url: str) -> list[float]:
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/seconds", timeout=10) as answer:
        return json.load(answer)
