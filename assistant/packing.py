"""Values of a conversation as bytes and back: frozen dataclasses, enums, tuples, pictures.

JSON, compressed, in which a value that occurs many times (an item in twenty steps of undo) stands once. Reading makes only
values of the classes that it is given, so bytes from a database cannot make anything else of themselves.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import zlib
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from types import ModuleType
from typing import Any

from retrieval.errors import InvalidInput

_MOST_BYTES = 256 * 2**20  # unpacked; a conversation with twenty steps of undo has some 2 MiB


def classes_of(modules: Iterable[ModuleType]) -> dict[str, type]:
    """The dataclasses and enums that these modules define, by the name under which they are packed."""
    found = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__:
                if dataclasses.is_dataclass(value) or issubclass(value, Enum):
                    found[_name(value)] = value
    return found


def pack(value: Any) -> bytes:
    """Raises TypeError for a value that cannot be packed."""
    packer = _Packer()
    root = packer.plain(value)
    return zlib.compress(json.dumps([packer.nodes, root], separators=(",", ":")).encode(), 3)


def unpack(data: bytes, classes: dict[str, type]) -> Any:
    """Raises InvalidInput for bytes that hold no value of these classes, as another version of the program may have left."""
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(data, _MOST_BYTES)
        if inflater.unconsumed_tail:
            raise ValueError("too large")
        nodes, root = json.loads(text)
        made: list[Any] = []
        for node in nodes:
            made.append(_made(node, made, classes))
        return _value(root, made, classes)
    except (zlib.error, ValueError, KeyError, TypeError, IndexError, ArithmeticError, OSError, RecursionError) as error:
        raise InvalidInput(f"what was kept of a conversation cannot be read: {type(error).__name__}: {error}"[:300]) from error


class _Packer:
    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self._at: dict[int, int] = {}
        self._alive: list[Any] = []  # an id is one object's only while that lives

    def plain(self, value: Any) -> Any:
        match value:
            case Enum():
                return ["enum", _name(type(value)), value.name]
            case None | bool() | int() | float() | str():
                return value
            case Decimal():
                return ["decimal", str(value)]
            case tuple():
                return ["tuple", [self.plain(each) for each in value]]
            case list():
                return ["list", [self.plain(each) for each in value]]
            case frozenset():
                return ["set", sorted((self.plain(each) for each in value), key=repr)]
            case dict():
                return ["dict", [[self.plain(key), self.plain(each)] for key, each in value.items()]]
        if id(value) not in self._at:
            if dataclasses.is_dataclass(value):
                fields = {f.name: self.plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
                node = [_name(type(value)), fields]
            elif hasattr(value, "save") and hasattr(value, "getbands"):
                buffer = io.BytesIO()
                value.save(buffer, "PNG", compress_level=1)  # to the pixel: verdicts are kept by them
                node = ["picture", base64.b64encode(buffer.getvalue()).decode()]
            else:
                raise TypeError(f"a {type(value).__name__} cannot be kept between turns")
            self.nodes.append(node)
            self._alive.append(value)
            self._at[id(value)] = len(self.nodes) - 1
        return ["ref", self._at[id(value)]]


def _made(node: Any, made: list[Any], classes: dict[str, type]) -> Any:
    name, content = node
    if name == "picture":
        from PIL import Image

        with Image.open(io.BytesIO(base64.b64decode(content)), formats=["PNG"]) as picture:
            picture.load()
            return picture.copy()
    return classes[name](**{field: _value(each, made, classes) for field, each in content.items()})


def _value(plain: Any, made: list[Any], classes: dict[str, type]) -> Any:
    if not isinstance(plain, list):
        return plain
    kind, content = plain[0], plain[1]
    match kind:
        case "ref":
            return made[content]
        case "enum":
            return classes[content][plain[2]]
        case "decimal":
            return Decimal(content)
        case "tuple":
            return tuple(_value(each, made, classes) for each in content)
        case "list":
            return [_value(each, made, classes) for each in content]
        case "set":
            return frozenset(_value(each, made, classes) for each in content)
        case "dict":
            return {_value(key, made, classes): _value(each, made, classes) for key, each in content}
    raise ValueError(f"unknown kind {kind!r}")


def _name(of: type) -> str:
    return f"{of.__module__}.{of.__qualname__}"
