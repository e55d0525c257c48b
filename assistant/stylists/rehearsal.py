"""A vision server for one machine without a model: LMDeploy's dialect, answers by a rule on the pictures' colours.

Two garments go together where the second is neutral or of the first one's colour. The reason names both colours in the
order of the pictures, so that a swapped, missing or foreign picture shows. Benches measure the client against it, tests
make it fail in every way that `Fault` knows. It must never be offered to a shopper.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import colorsys
import io
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_CATEGORY = {"blue": "Jeans", "white": "Shirts", "black": "Trousers", "grey": "Tshirts", "red": "Dresses"}
_COMPLEMENTS = (
    ("top", "Men white formal shirt", "Shirts", "White"),
    ("bottom", "Men grey formal trousers", "Trousers", "Grey"),
    ("shoes", "Men brown leather formal shoes", "Formal Shoes", "Brown"),
    ("outerwear", "Men navy blazer", "Blazers", "Navy Blue"),
    ("bag", "Brown leather messenger bag", "Messenger Bag", "Brown"),
    ("accessory", "Men brown leather belt", "Belts", "Brown"),
)


@dataclass(slots=True)
class Fault:
    """One answer gone wrong. `kind`: hang, drip (a byte every `pause_s`), cut (closed in mid-body), close (closed at
    once), status (HTTP `status` with `body` and `headers`), text (a normal answer whose content is `body`, or null),
    json (200 with `body` as it is), raw (200 with `body` as bytes)."""

    kind: str
    status: int = 500
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    finish_reason: str = "stop"
    pause_s: float = 1.0


@dataclass
class Behaviour:
    """What the server is like. `guided`: which response formats it keeps to ("" for none); with `ignores_format` it
    accepts the others and answers in prose, else it refuses them. `chances`: "on", "refused" or "null"."""

    models: tuple[str, ...] = ("InternVL2-8B",)
    owner: str = "lmdeploy"
    guided: tuple[str, ...] = ("json_schema", "json_object")
    ignores_format: bool = False
    chances: str = "on"
    sees: bool = True
    key: str = ""
    latency_s: float = 0.0
    is_flat: bool = True  # LMDeploy's envelope for errors; OpenAI's is nested
    limit_key: str = "max_tokens"
    validate: Callable[[dict], str] | None = None  # the vendor's own check of a body: "" or what is wrong
    always: Fault | None = None
    faults: list[Fault] = field(default_factory=list)  # one for each chat request, in order


class ModelServer:
    """The server on a free port of the loopback, in a thread of its own: `with ModelServer(Behaviour()) as server:`"""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.bodies: list[dict[str, Any]] = []  # of all chat requests
        self.seconds: list[float] = []  # of all chat requests, from the whole request read to the whole answer written
        self.running = self.most_running = self.left_early = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-server", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> ModelServer:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.serve())
        self._loop.close()

    async def serve(self, port: int = 0) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", port, limit=2**22)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- HTTP ---

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up, or the server is being stopped: either ends the connection
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        request, *lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        path = request.split(" ")[1]
        if self.behaviour.key and headers.get("authorization") != f"Bearer {self.behaviour.key}":
            return await self._send(writer, 401, self._error(401, "Unauthorized."))
        if path == "/health":
            return await self._send(writer, 200, "")
        if path == "/seconds":  # no model server has it: the bench subtracts what is not the client's
            return await self._send(writer, 200, self.seconds)
        if path == "/v1/models":
            rows = [{"id": name, "object": "model", "owned_by": self.behaviour.owner} for name in self.behaviour.models]
            return await self._send(writer, 200, {"object": "list", "data": rows})
        if path != "/v1/chat/completions":
            return await self._send(writer, 404, self._error(404, "Not Found"))
        body = json.loads(content)
        self.bodies.append(body)
        fault = self.behaviour.faults.pop(0) if self.behaviour.faults else self.behaviour.always
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        began = time.perf_counter()
        try:
            return await self._until_left(reader, self._answer(writer, body, fault))
        finally:
            self.running -= 1
            self.seconds.append(time.perf_counter() - began)

    async def _until_left(self, reader: asyncio.StreamReader, work: Any) -> bool:
        """Do the work, unless the client hangs up before it is done."""
        answer = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(_closed(reader))
        done, _ = await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if answer in done:
            return answer.result()
        self.left_early += 1
        answer.cancel()
        return False

    async def _answer(self, writer: asyncio.StreamWriter, body: dict, fault: Fault | None) -> bool:
        if self.behaviour.latency_s:
            await asyncio.sleep(self.behaviour.latency_s)
        if fault is None:
            status, reply = self._reply(body)
            return await self._send(writer, status, reply)
        match fault.kind:
            case "hang":
                await asyncio.sleep(3600)
            case "close":
                return False
            case "cut" | "drip":
                whole = json.dumps(_completion(body, "yes")).encode()
                writer.write(_head(200, len(whole), {}))
                for at in range(0, len(whole) // 2, 1 if fault.kind == "drip" else 64):
                    writer.write(whole[at : at + (1 if fault.kind == "drip" else 64)])
                    await writer.drain()
                    await asyncio.sleep(fault.pause_s if fault.kind == "drip" else 0.0)
                return False
            case "status":
                return await self._send(writer, fault.status, fault.body, fault.headers)
            case "text":
                return await self._send(writer, 200, _completion(body, fault.body, fault.finish_reason))
            case "json" | "raw":
                return await self._send(writer, 200, fault.body, fault.headers)
        raise ValueError(f"unknown fault {fault.kind!r}")

    async def _send(self, writer: asyncio.StreamWriter, status: int, body: Any, headers: dict | None = None) -> bool:
        if isinstance(body, bytes):
            content, kind = body, "application/json"
        elif isinstance(body, str):
            content, kind = body.encode(), "text/html"
        else:
            content, kind = json.dumps(body).encode(), "application/json"
        writer.write(_head(status, len(content), {"content-type": kind} | (headers or {})) + content)
        await writer.drain()
        return True

    def _error(self, status: int, message: str) -> dict[str, Any]:
        flat = {"message": message, "type": "invalid_request_error", "code": status, "param": None, "object": "error"}
        return flat if self.behaviour.is_flat else {"error": {"message": message, "type": "error", "code": str(status)}}

    # --- answers ---

    def _reply(self, body: dict[str, Any]) -> tuple[int, Any]:
        wrong = self._wrong(body)
        if wrong is not None:
            return wrong
        words, pictures = _parts(body)
        asked = (body.get("response_format") or {}).get("type", "text")
        answer = self._say(words, pictures, body)
        if asked != "text" and asked not in self.behaviour.guided:
            answer = f"Well, {answer if isinstance(answer, str) else 'let me think about it'}."
        elif asked == "json_schema" and isinstance(answer, str):
            answer = {next(iter(body["response_format"]["json_schema"]["schema"]["properties"])): answer}
        elif asked == "json_object" and isinstance(answer, str):
            answer = {"colour": answer}
        reply = _completion(body, answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
        reply["usage"]["prompt_tokens"] = 256 * len(pictures) + len(words) // 4
        if body.get("logprobs") and self.behaviour.chances == "on":
            reply["choices"][0]["logprobs"] = _logprobs(0.9 if answer == "yes" else 0.05)
        return 200, reply

    def _wrong(self, body: dict[str, Any]) -> tuple[int, Any] | None:
        """What LMDeploy refuses, in its words."""
        b = self.behaviour
        told = b.validate(body) if b.validate else ""
        if body.get("model") not in b.models:
            return 404, self._error(404, f"The model {body.get('model')!r} does not exist.")
        kind = (body.get("response_format") or {}).get("type", "text")
        if kind != "text" and kind not in b.guided and not b.ignores_format:
            told = told or f"response_format {kind!r} is not supported"
        if body.get("logprobs") and b.chances == "refused":
            told = told or "Logprobs(True) requested but not enabled logprobs_mode in engine configuration"
        if b.limit_key not in body:
            told = told or f"Unsupported parameter: use {b.limit_key!r} instead."
        if not b.sees and _parts(body)[1]:
            told = told or "Multimodal input is not supported by this model."
        return (400, self._error(400, told)) if told else None

    def _say(self, words: str, pictures: list[tuple[int, int, int]], body: dict[str, Any]) -> Any:
        colours = [colour_name(picture) for picture in pictures]
        if "Which colour fills" in words:
            return colours[0]
        if "Is the picture blue" in words:
            return "yes" if colours == ["blue"] else "no"
        if "Image-1" in words:
            fits = len(colours) == 2 and go_together(*colours)
            if "Answer yes or no" in words:
                return "yes" if fits else "no"
            link = "sits well with" if fits else "clashes with"
            reason = f"{' then '.join(colours)}: the first {link} the second"
            if "Chinese" in words:
                reason = f"{'、'.join(colours)}：{'很搭' if fits else '颜色冲突'}"
            return {"answer": "yes" if fits else "no", "reason": reason}
        slots = _listed(words, "slot")
        items = [
            {"slot": s, "title": t, "category": c, "colour": colour, "gender": "Men", "usage": "Formal"}
            for s, t, c, colour in _COMPLEMENTS
            if not slots or s in slots
        ]
        if "First say what it is" in words:
            category = _CATEGORY.get(colours[0], "Tshirts")
            return {
                "category": category, "gender": "Men", "colour": colours[0], "usage": "Formal", "season": None,
                "items": [item for item in items if item["category"] != category],
            }  # fmt: skip
        if "how it was taken" in words:
            return {
                "model_present": False, "model_count": 0, "real_scene": colours[0] != "white", "worn": False,
                "angle": "front", "whole": True, "category": _CATEGORY.get(colours[0], "Tshirts"), "quality": 0.9,
            }  # fmt: skip
        if "Say only what this message changes" in words:
            said = re.search(r"«(.*?)»", words)
            found = [c for c in ("red", "blue", "white", "black") if said and c in said.group(1)]
            return {"colours": found} if found else {"words": said.group(1)[:100] if said else ""}
        return {"items": items}


def go_together(first: str, second: str) -> bool:
    """The rule: neutrals go with everything, a colour only with itself."""
    return second in ("white", "black", "grey") or first == second


def colour_name(rgb: tuple[int, int, int]) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in rgb))
    if lightness > 0.88:
        return "white"
    if lightness < 0.12:
        return "black"
    if saturation < 0.2:
        return "grey"
    return ("red", "yellow", "green", "cyan", "blue", "magenta")[round(hue * 6) % 6]


def _parts(body: dict[str, Any]) -> tuple[str, list[tuple[int, int, int]]]:
    """All words of the user's messages, and the colour in the middle of each picture."""
    words, pictures = [], []
    for message in body["messages"]:
        content = message["content"]
        if message["role"] == "system":
            continue
        for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            if part["type"] == "text":
                words.append(part["text"])
            else:
                pictures.append(_middle(part["image_url"]["url"]))
    return "\n".join(words), pictures


def _middle(url: str) -> tuple[int, int, int]:
    """The middle pixel. Anything but a data URL of a JPEG is refused: the server is never to fetch an address."""
    import PIL.Image

    start = "data:image/jpeg;base64,"
    if not url.startswith(start):
        raise ValueError(f"expected a JPEG as data URL, got {url[:40]!r}")
    try:
        image = PIL.Image.open(io.BytesIO(base64.b64decode(url[len(start) :], validate=True)), formats=["JPEG"])
    except binascii.Error as error:
        raise ValueError("the data URL is no base64") from error
    small = image.convert("RGB").reduce(max(1, min(image.size) // 16))
    return small.getpixel((small.width // 2, small.height // 2))


def _listed(words: str, name: str) -> list[str]:
    found = re.search(rf"^- {name}: exactly one of: ([^;\n]*)", words, re.MULTILINE)
    return [each.strip() for each in found.group(1).split(",")] if found else []


def _completion(body: dict[str, Any], text: Any, finish_reason: str = "stop") -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "reasoning_content": None, "tool_calls": None}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time()), "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 4, "total_tokens": 4},
    }  # fmt: skip


def _logprobs(p_yes: float) -> dict[str, Any]:
    """As LMDeploy has it: the chosen token, the alternatives without it, marks of the tokenizer before words."""
    import math

    yes, no = (
        {"token": token, "bytes": [], "logprob": math.log(p)} for token, p in (("▁yes", p_yes), ("▁no", 0.98 - p_yes))
    )
    chosen, other = (yes, no) if p_yes > 0.5 else (no, yes)
    return {"content": [{**chosen, "top_logprobs": [other]}]}


def _head(status: int, length: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {length}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _closed(reader: asyncio.StreamReader) -> None:
    """Ends when the client hangs up. Clients here never send a request before they have the last answer."""
    while not reader.at_eof():
        await asyncio.sleep(0.02)


def main() -> None:
    """`python -m assistant.stylists.rehearsal SECONDS`: print the URL, then serve until killed."""
    import sys

    server = ModelServer(Behaviour(latency_s=float(sys.argv[1])))

    async def run() -> None:
        task = asyncio.ensure_future(server.serve())
        while not server.port:
            await asyncio.sleep(0.01)
        print(server.url, flush=True)
        await task

    asyncio.run(run())


if __name__ == "__main__":
    main()
