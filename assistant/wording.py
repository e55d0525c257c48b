"""The words given to models: templates in `prompts/`, each with its declared fields and a digest for the trace.

A file is a head of one line, `fields: a b c`, then `---`, then the text with `$a`. `string.Template` leaves the braces
of JSON examples alone. Not named after its folder: in a wheel `prompts/` lies inside this package.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from string import Template

from retrieval import resources
from retrieval.errors import InvalidInput

_FILE = re.compile(r"\Afields:(?P<fields>[ a-z_]*)\n---\n(?P<text>.+?)\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template: `text` with `$field` places, the `fields` that it declares, the first 12 hex digits of its sha256."""

    name: str
    text: str
    fields: frozenset[str]
    digest: str

    def fill(self, **values: str) -> str:
        """The text with every field in its place. Raises InvalidInput where a field is missing, unknown or no text."""
        wrong = self.fields.symmetric_difference(values)
        if wrong or not all(isinstance(value, str) for value in values.values()):
            raise InvalidInput(
                f"prompt {self.name} got {sorted(values)}: expected texts for exactly {sorted(self.fields)}"
            )
        return Template(self.text).substitute(values)


@cache
def load(name: str) -> Prompt:
    """The prompt in `prompts/<name>.md`. Raises InvalidInput where it is missing, malformed, or its head is not
    true."""
    path = resources.path(f"{name}.md", room="prompts")
    try:
        return parse(name, path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidInput(f"there is no prompt {name}: {path} is missing", hint="reinstall the package") from error


def parse(name: str, source: str) -> Prompt:
    """The template in a file's text. What the head declares and what the text uses must be the same fields."""
    match = _FILE.match(source)
    if not match:
        raise InvalidInput(f"prompt {name} is malformed: expected a line `fields: ...`, a line `---`, then the text")
    declared, template = frozenset(match["fields"].split()), Template(match["text"])
    if not template.is_valid():
        raise InvalidInput(f"prompt {name} holds a $ that names no field: write $$ for the sign itself")
    used = frozenset(template.get_identifiers())
    if declared != used:
        raise InvalidInput(
            f"prompt {name} declares {sorted(declared)} and uses {sorted(used)}: expected the same fields"
        )
    return Prompt(name, match["text"], declared, hashlib.sha256(source.encode()).hexdigest()[:12])
