"""Texts of others made plain before they stand in a prompt: no marker of any chat template, no way out of the quotes.

A model reads roles and pictures by special strings ("<|im_end|>", "<img>", "<IMAGE_TOKEN>"). Where a title or a message
holds one, it must arrive as words. See the traps of LMDeploy in `tests/test_vlm.py`.
"""

from __future__ import annotations

import re
import unicodedata

_BRACKETS = str.maketrans({"<": "(", ">": ")", "«": '"', "»": '"', "|": "/", "`": "'", "{": "(", "}": ")", "▁": "_"})
_ROLES = re.compile(
    r"\b(system|assistant|user|human|developer|tool|bot)\s*[:：]|\[\s*/?\s*(INST|SYS|SYSTEM|USER|ASSISTANT)\s*\]"
    r"|#{2,}\s*(system|assistant|user|instruction|response)\w*|(系统|助手|用户)\s*[:：]",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\b(IMG_CONTEXT|IMAGE_TOKEN|im_start|im_end|image_pad|endoftext)\b|\bImage-(\d)", re.IGNORECASE
)


def plain(text: str, most: int = 300) -> str:
    """One line of at most `most` characters that no model can take for a role, a picture, or the end of a quotation.

    Compatibility forms are folded first (full-width "＜" is a "<" to some tokenizers), then invisible and control
    characters become spaces, brackets become round, role words lose their colon. The words themselves stay: they are
    data.
    """
    line = unicodedata.normalize("NFKC", text[: most * 4])
    line = "".join(c if c.isprintable() else " " for c in line).translate(_BRACKETS)
    line = _ROLES.sub(lambda m: next(filter(None, m.groups())) + " ", line)
    line = _PLACEHOLDER.sub(lambda m: f"picture {m.group(2)}" if m.group(2) else "", line)
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
