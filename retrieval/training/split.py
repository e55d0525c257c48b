"""Who is trained on, who is kept for calibration, who is held out: decided by a hash of the product id alone.

The rules are public, need no list, and give the same answer on every machine; a new product falls where it falls.
"""

from __future__ import annotations

from hashlib import sha256


def _bucket(salt: bytes, sku: str, of: int) -> int:
    return int(sha256(salt + sku.encode()).hexdigest(), 16) % of


def is_held_out(sku: str) -> bool:
    """Whether a product belongs to the tenth that no training ever sees.

    The rule: `int(sha256(b"outfit-split:" + sku), 16) % 10 == 0`, sku as UTF-8.
    """
    return _bucket(b"outfit-split:", sku, 10) == 0


def is_calibration(sku: str) -> bool:
    """Whether a product that is not held out is kept from the gradient to fit temperatures and thresholds (1 in 25).

    The rule: not held out, and `int(sha256(b"outfit-calibration:" + sku), 16) % 25 == 0`.
    """
    return not is_held_out(sku) and _bucket(b"outfit-calibration:", sku, 25) == 0
