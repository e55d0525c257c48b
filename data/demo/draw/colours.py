"""Cloth colours under the public catalogue's baseColour words. Several real dye shades a word, never pure RGB."""

from __future__ import annotations

SHADES: dict[str, tuple[str, ...]] = {
    "Black": ("#232326", "#1f2023", "#28272a"),
    "White": ("#f4f3f0", "#f6f6f5", "#f1f1ef"),
    "Off White": ("#efeadd", "#ece6d8"),
    "Cream": ("#efe3c4", "#ecdfbd"),
    "Beige": ("#d6c4a3", "#cfbc9b", "#dccbb0"),
    "Grey": ("#8d9094", "#7d8085", "#9da0a2"),
    "Grey Melange": ("#a9abae", "#b2b3b4"),
    "Charcoal": ("#43464b", "#3c4045"),
    "Navy Blue": ("#232f4f", "#1e2a47", "#283659"),
    "Blue": ("#2f5fa8", "#3a6db5", "#2b549a", "#5b8cc9"),
    "Turquoise Blue": ("#2ba3b4", "#3bb0bd"),
    "Teal": ("#1f6e74", "#256a6d"),
    "Green": ("#2f7d4f", "#3b8a57", "#276b46"),
    "Olive": ("#66683b", "#5c5f38", "#727246"),
    "Sea Green": ("#54a48c", "#62af98"),
    "Lime Green": ("#a4c639", "#b0cc48"),
    "Khaki": ("#a5936a", "#b09d75"),
    "Yellow": ("#efc63c", "#f0cf56", "#e8bb2f"),
    "Mustard": ("#c9962c", "#bf8c26"),
    "Orange": ("#e0752d", "#e5843d"),
    "Rust": ("#a9502b", "#9e4a29"),
    "Peach": ("#f2b795", "#f0ae8c"),
    "Red": ("#b8282f", "#c2333a", "#a8232b"),
    "Maroon": ("#6b2029", "#742630"),
    "Burgundy": ("#5d1a2b", "#651f31"),
    "Pink": ("#e79bb0", "#e388a4", "#efb3c2", "#d9648c"),
    "Magenta": ("#b92d75", "#c13a80"),
    "Purple": ("#64418c", "#6f4a97", "#573879"),
    "Lavender": ("#b4a4d3", "#bfb1da"),
    "Mauve": ("#a97f94", "#b1899c"),
    "Rose": ("#c2727e", "#ba6672"),
    "Brown": ("#6d4a33", "#7a5439", "#5f3f2c"),
    "Coffee Brown": ("#4a3327", "#513829"),
    "Mushroom Brown": ("#9a8574", "#a08c7c"),
    "Tan": ("#b9824f", "#b27a47", "#c08b5a"),
    "Taupe": ("#8b7d70", "#83756a"),
    "Nude": ("#e0bfa5", "#dcb79d"),
    "Silver": ("#c3c6ca", "#b9bdc2"),
    "Gold": ("#c9a24d", "#d0ab58"),
    "Steel": ("#9aa0a6", "#a5abb0"),
    "Bronze": ("#8d6b42", "#85643d"),
    "Copper": ("#b06f4a", "#b87852"),
}

# What goes beside a colour in stripes, checks and prints: quiet partners first.
PARTNERS: dict[str, tuple[str, ...]] = {
    "Black": ("White", "Grey", "Red", "Mustard"),
    "White": ("Navy Blue", "Black", "Red", "Blue", "Green"),
    "Off White": ("Navy Blue", "Rust", "Olive", "Brown"),
    "Cream": ("Brown", "Maroon", "Olive", "Navy Blue"),
    "Beige": ("Brown", "Navy Blue", "White", "Rust"),
    "Grey": ("White", "Black", "Navy Blue", "Maroon"),
    "Charcoal": ("Grey", "White", "Mustard"),
    "Navy Blue": ("White", "Red", "Blue", "Cream", "Mustard"),
    "Blue": ("White", "Navy Blue", "Yellow", "Off White"),
    "Turquoise Blue": ("White", "Navy Blue", "Peach"),
    "Teal": ("Cream", "Mustard", "White"),
    "Green": ("White", "Navy Blue", "Cream", "Yellow"),
    "Olive": ("Cream", "Black", "Rust"),
    "Sea Green": ("White", "Teal", "Cream"),
    "Lime Green": ("White", "Charcoal"),
    "Khaki": ("White", "Olive", "Brown"),
    "Yellow": ("White", "Grey", "Navy Blue"),
    "Mustard": ("Cream", "Maroon", "Navy Blue"),
    "Orange": ("White", "Navy Blue", "Maroon"),
    "Rust": ("Cream", "Navy Blue", "Beige"),
    "Peach": ("White", "Rose", "Sea Green"),
    "Red": ("White", "Navy Blue", "Black", "Cream"),
    "Maroon": ("Cream", "Gold", "White"),
    "Burgundy": ("Cream", "Pink", "Grey"),
    "Pink": ("White", "Magenta", "Grey", "Green"),
    "Magenta": ("Gold", "White", "Orange"),
    "Purple": ("White", "Lavender", "Gold"),
    "Lavender": ("White", "Purple", "Sea Green"),
    "Mauve": ("White", "Burgundy"),
    "Rose": ("White", "Burgundy", "Cream"),
    "Brown": ("Cream", "Tan", "White"),
    "Tan": ("White", "Brown"),
}


def rgb(colour: str) -> tuple[float, float, float]:
    """`#rrggbb` as three floats in [0, 1]."""
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def hex_of(r: float, g: float, b: float) -> str:
    return "#" + "".join(f"{round(255 * min(max(v, 0.0), 1.0)):02x}" for v in (r, g, b))


def mix(a: str, b: str, t: float) -> str:
    """`a` at t = 0, `b` at t = 1."""
    return hex_of(*(x + (y - x) * t for x, y in zip(rgb(a), rgb(b), strict=True)))


def darker(colour: str, t: float = 0.25) -> str:
    return mix(colour, "#0c0b10", t)


def lighter(colour: str, t: float = 0.25) -> str:
    return mix(colour, "#fffdf8", t)


def luma(colour: str) -> float:
    """Rough brightness in [0, 1], Rec. 709 weights on the encoded values."""
    r, g, b = rgb(colour)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast_stitch(colour: str) -> str:
    """A thread that shows on the cloth without shouting."""
    return lighter(colour, 0.28) if luma(colour) < 0.35 else darker(colour, 0.22)
