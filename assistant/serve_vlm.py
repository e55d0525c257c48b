"""Start the model server: look for what is missing, fetch the weights, run LMDeploy on the loopback, wait until it
answers.

LMDeploy lives in an environment of its own (it brings its own torch and needs a GPU); only its command is used here.
Its server must never be reachable from outside: it has endpoints without authentication that load pickles.
"""

from __future__ import annotations

import logging
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assistant import turn
from assistant.stylists.client import ChatClient
from assistant.stylists.probe import Finding, check
from retrieval.errors import InvalidSetting, ModelError, ModelUnavailable

_LOG = logging.getLogger(__name__)

KEY_VARIABLE = "OUTFIT_VLM_API_KEY"
OLDEST = (0, 15)  # below, a redirect can make the server fetch private addresses (CVE-2026-63764)
_INTERNLM2 = re.compile(r"(^|/)InternVL2-(2B|8B|26B)(-AWQ)?$")
_PYTORCH_ONLY = re.compile(r"(^|/)InternVL2-4B$")
_BILLIONS = re.compile(r"-(\d+(?:\.\d+)?)B\b")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EMBEDDED = "the embedded stylist needs none of this: leave OUTFIT_VLM_URL unset"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve and how. `weights` is a local folder, or "" for the snapshot of `model` on ModelScope.

    `context` in tokens; `cache_share` of the free GPU memory for the key-value cache, in (0, 1); `vision_batch`
    pictures at once. `proxy_url` registers this machine with `lmdeploy serve proxy`.
    """

    model: str = "InternVL2-8B"
    weights: str = ""
    host: str = "127.0.0.1"
    port: int = 23333
    context: int = 8192
    cache_share: float = 0.5
    vision_batch: int = 8
    gpus: int = 1
    api_key: str = ""
    proxy_url: str = ""
    executable: str = "lmdeploy"

    def __post_init__(self) -> None:
        if not 0 < self.cache_share < 1:
            raise InvalidSetting(
                f"cache share {self.cache_share}: expected a share of the GPU's memory between 0 and 1"
            )
        for name in ("port", "context", "vision_batch", "gpus"):
            if getattr(self, name) < 1:
                raise InvalidSetting(f"{name.replace('_', ' ')} {getattr(self, name)}: expected at least 1")
        if self.host not in _LOOPBACK and not self.api_key:
            raise InvalidSetting(
                f"the model server would listen on {self.host} without a key: expected the loopback, or a key",
                hint=f"set {KEY_VARIABLE}, and keep the address on a private network",
            )

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    @property
    def model_id(self) -> str:
        """The model's name on ModelScope."""
        return self.model if "/" in self.model else f"OpenGVLab/{self.model}"

    @property
    def served_name(self) -> str:
        return self.model.rsplit("/", 1)[-1]


def command(plan: Plan, weights: str) -> list[str]:
    """The command line that serves the weights. The template goes along where the model's own would be another prompt
    than the one it was trained with: InternVL2 on InternLM2 (2B, 8B, 26B)."""
    parts = [
        plan.executable, "serve", "api_server", weights,
        "--model-name", plan.served_name,
        "--server-name", plan.host,
        "--server-port", str(plan.port),
        "--session-len", str(plan.context),
        "--cache-max-entry-count", f"{plan.cache_share:g}",
        "--vision-max-batch-size", str(plan.vision_batch),
        "--logprobs-mode", "raw_logprobs",
        "--trust-remote-code",
    ]  # fmt: skip
    if _INTERNLM2.search(plan.model):
        parts += ["--chat-template", str(template_file())]
    if _PYTORCH_ONLY.search(plan.model):
        parts += ["--backend", "pytorch"]
    if plan.gpus > 1:
        parts += ["--tp", str(plan.gpus)]
    if plan.proxy_url:
        parts += ["--proxy-url", plan.proxy_url]
    if plan.api_key:
        parts += ["--api-keys", plan.api_key]
    return parts


def shell_line(parts: Sequence[str], api_key: str) -> str:
    """The command as one would type it. The key is named, not shown. Where the weights are no folder here, LMDeploy is
    told to fetch them from ModelScope itself."""
    typed = [f'"${KEY_VARIABLE}"' if api_key and part == api_key else shlex.quote(part) for part in parts]
    if parts[2] == "api_server" and not Path(parts[3]).is_dir():
        typed.insert(0, "LMDEPLOY_USE_MODELSCOPE=True")
    return " ".join(typed)


def nodes_text(plan: Plan, proxy: str = "10.0.0.1", node: str = "10.0.0.11") -> str:
    """How to spread the requests over several GPU machines: three commands, each with where to run it. The addresses
    are placeholders for a private network."""
    proxied = replace(
        plan, host=node, proxy_url=f"http://{proxy}:8000", api_key=plan.api_key or "a key that you choose"
    )
    serve_proxy = [
        plan.executable, "serve", "proxy", "--server-name", proxy, "--server-port", "8000",
        "--routing-strategy", "min_expected_latency", "--api-keys", proxied.api_key,
    ]  # fmt: skip
    lines = [
        f"# Choose a key and set {KEY_VARIABLE} to it on every machine. All addresses must be private: the proxy",
        "# takes new nodes from anyone who reaches it.",
        "# 1. On the machine that spreads the requests (it needs no GPU):",
        shell_line(serve_proxy, proxied.api_key),
        "# 2. On each GPU machine, with its own private address; it registers itself:",
        shell_line(command(proxied, plan.weights or plan.model_id), proxied.api_key),
        "# 3. Where the assistant runs:",
        next_command(replace(proxied, host=proxy, port=8000)),
    ]
    return "\n".join(lines)


def next_command(plan: Plan) -> str:
    """The command that uses the server."""
    key = f' {KEY_VARIABLE}="${KEY_VARIABLE}"' if plan.api_key else ""
    return f"OUTFIT_VLM_URL={plan.url} OUTFIT_VLM_MODEL={plan.served_name}{key} outfit app"


def template_file() -> Path:
    """`chat_template.json`: at the root of a checkout, inside the package in an installed wheel."""
    here = Path(__file__).resolve().parent
    in_checkout = here.parent / "chat_template.json"
    return in_checkout if in_checkout.is_file() else here / "chat_template.json"


# --- what is there ----------------------------------------------------------------------------------------------------


def obstacles(plan: Plan) -> list[Finding]:
    """What stands in the way on this machine, each with the next step. Empty: it can start."""
    return [finding for finding in (_package(plan), *_gpus(plan)) if finding is not None]


def _package(plan: Plan) -> Finding | None:
    found = shutil.which(plan.executable)
    if found is None:
        install = f"pip install 'lmdeploy>={OLDEST[0]}.{OLDEST[1]}' in an environment of its own on a machine with a GPU"
        message = f"LMDeploy is not installed: no command {plan.executable!r}"
        return Finding(message, False, f"{install}, and name it: --lmdeploy PATH")
    version = _version(Path(found))
    if version is not None and version < OLDEST:
        shown = ".".join(map(str, version))
        return Finding(
            f"LMDeploy {shown} has known holes", False, f"pip install -U 'lmdeploy>={OLDEST[0]}.{OLDEST[1]}'"
        )
    return None


def _version(executable: Path) -> tuple[int, ...] | None:
    """(major, minor) of the LMDeploy that the command belongs to, without importing it; None where that cannot be
    told."""
    python = executable.with_name("python")
    if not python.exists():
        return None
    said = _output([str(python), "-c", "import importlib.metadata as m; print(m.version('lmdeploy'))"])
    numbers = re.match(r"(\d+)\.(\d+)", said or "")
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def _gpus(plan: Plan) -> list[Finding]:
    said = _output(["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"])
    rows = [line.strip() for line in (said or "").splitlines()]
    gib = [int(row) / 1024 for row in rows if row.isdigit()]
    if not gib:
        why = "nvidia-smi is not installed" if said is None else "nvidia-smi lists none"
        hint = f"run this on a machine with one and set OUTFIT_VLM_URL to it; {_EMBEDDED}"
        return [Finding(f"no NVIDIA GPU found: {why}", False, hint)]
    found = []
    if len(gib) < plan.gpus:
        found.append(Finding(f"{len(gib)} GPU found, {plan.gpus} asked for", False, f"--gpus {len(gib)}"))
    needed = needed_gib(plan.model)
    if needed is not None and sum(sorted(gib)[-plan.gpus :]) < needed:
        total = sum(sorted(gib)[-plan.gpus :])
        hint = "serve InternVL2-2B, or the 4-bit weights: --model InternVL2-8B-AWQ"
        found.append(
            Finding(f"{plan.model} needs about {needed:.0f} GiB of GPU memory, {total:.0f} are there", False, hint)
        )
    return found


def needed_gib(model: str) -> float | None:
    """GPU memory by the name: 2 bytes a parameter (half a byte and a bit for AWQ), and 4 GiB for pictures and cache."""
    billions = _BILLIONS.search(model)
    if billions is None:
        return None
    return float(billions[1]) * 1e9 * (0.7 if model.endswith("-AWQ") else 2.0) / 2**30 + 4


def _output(parts: list[str]) -> str | None:
    """What a command prints, "" where it fails, None where there is no such command."""
    try:
        done = subprocess.run(parts, capture_output=True, text=True, timeout=30, check=False)
    except (FileNotFoundError, PermissionError):
        return None
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout if done.returncode == 0 else ""


# --- weights ----------------------------------------------------------------------------------------------------------


def find_weights(plan: Plan, download: Callable[[str], str] | None = None) -> str:
    """The folder of the weights: the one given, else the snapshot on ModelScope, fetched where it is not here yet.

    `download` gets the model's name and returns a folder; default `modelscope.snapshot_download`, which resumes and
    reuses. Raises ModelUnavailable where they cannot be had or are no model.
    """
    if plan.weights:
        folder = Path(plan.weights).expanduser()
        if not (folder / "config.json").is_file():
            raise ModelUnavailable(
                f"{folder} holds no model: expected a folder with config.json and weights",
                hint=f"leave --weights out to fetch {plan.model_id} from ModelScope",
            )
        return str(folder.resolve())
    try:
        return (download or _snapshot)(plan.model_id)
    except ModelUnavailable:
        raise
    except Exception as error:  # the hub's client raises what its network library raises: translated once, here
        raise ModelUnavailable(
            f"the weights of {plan.model_id} could not be fetched from ModelScope: {error}",
            hint="check name and network, or fetch them elsewhere and give the folder: --weights FOLDER",
        ) from error


def kept_weights(plan: Plan) -> str:
    """The folder of the weights where they are on this machine already, else the model's name on ModelScope."""
    if plan.weights:
        return plan.weights
    try:
        from modelscope import snapshot_download

        return snapshot_download(plan.model_id, local_files_only=True)
    except ImportError:  # then nothing was fetched by it either
        return plan.model_id
    except Exception as error:  # its releases say that there is none by different types (ValueError, CacheNotFound)
        _LOG.info("no snapshot of %s on this machine: %s", plan.model_id, error)
        return plan.model_id


def _snapshot(model_id: str) -> str:
    try:
        from modelscope import snapshot_download
    except ImportError as error:
        raise ModelUnavailable(
            "the package modelscope, which fetches the weights, is not installed",
            hint="pip install 'outfit-assistant[vlm]', or give a folder of weights: --weights FOLDER",
        ) from error
    return snapshot_download(model_id)


# --- running ----------------------------------------------------------------------------------------------------------


def serve(plan: Plan, weights: str, tell: Callable[[str], None], log: Path, most_s: float = 1800.0) -> int:
    """Run the server until it ends or is interrupted; its own output goes to `log`. Returns its exit status.

    `tell` gets progress, then the next command. Raises ModelUnavailable where it ends before it answers, or does not
    answer within `most_s` seconds.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output, _terminated_like_interrupted() as hear:
        process = subprocess.Popen(command(plan, weights), stdout=output, stderr=subprocess.STDOUT)
        try:
            hear()
            _wait_until_ready(plan, process, tell, log, most_s)
            tell(f"{plan.served_name} answers at {plan.url}. Next:\n{next_command(plan)}")
            return process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(process)


@contextmanager
def _terminated_like_interrupted() -> Iterator[Callable[[], None]]:
    """A service manager ends a program by SIGTERM: it must stop the model server too, as Ctrl-C does. Only the main
    thread may say so. Either signal waits until what is given is called: one that came while the server is just being
    started would leave it behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    came, is_heard = False, False

    def interrupt(*_: object) -> None:
        nonlocal came
        came = True
        if is_heard:
            raise KeyboardInterrupt

    def hear() -> None:
        nonlocal is_heard
        is_heard = True
        if came:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield hear
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_until_ready(
    plan: Plan, process: subprocess.Popen, tell: Callable[[str], None], log: Path, most_s: float
) -> None:
    """Ready is a server that answers a question about a picture: one that lists its models may still hang."""
    began, told_at = time.monotonic(), 0.0
    while True:
        if process.poll() is not None:
            raise ModelUnavailable(
                f"the model server ended with status {process.returncode} before it answered:\n{_tail(log)}",
                hint=f"its whole output is in {log}",
            )
        waited = time.monotonic() - began
        client = ChatClient(plan.url, plan.served_name, plan.api_key, timeout_s=60, attempts=1)
        try:
            client.models()
            findings = [finding for finding in check(client) if not finding.is_good]
            if not findings:
                return
            said = findings[0].message
        except turn.Cancelled:
            raise
        except ModelError as error:
            said = str(error)
        finally:
            client.close()
        if waited > most_s:
            raise ModelUnavailable(f"the model server was not ready after {waited:.0f} s: {said}", hint=f"see {log}")
        if waited - told_at >= 5 or not told_at:
            told_at = waited or 0.001
            tell(f"waiting for the model, {waited:.0f} s: {_last_line(log) or said}")
        time.sleep(0.5)


def _stop(process: subprocess.Popen) -> None:
    """Ask it to end, then make it. Nothing of the server is left behind."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _last_line(log: Path) -> str:
    return " ".join(_tail(log, 1).split())[:120]
