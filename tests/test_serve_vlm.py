"""Starting the model server: the exact command, what is missing and the next step, readiness, and nothing left
behind."""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from assistant import serve_vlm
from assistant.serve_vlm import Plan, command, find_weights, needed_gib, nodes_text, obstacles, shell_line
from retrieval.errors import InvalidSetting, ModelUnavailable
from tests.servers import lmdeploy_folder


def test_the_command_binds_to_the_loopback_and_names_everything() -> None:
    parts = command(Plan(api_key="k1"), "/models/InternVL2-8B")
    assert parts[:4] == ["lmdeploy", "serve", "api_server", "/models/InternVL2-8B"]
    for flag, value in {
        "--model-name": "InternVL2-8B", "--server-name": "127.0.0.1", "--server-port": "23333", "--session-len": "8192",
        "--cache-max-entry-count": "0.5", "--vision-max-batch-size": "8", "--api-keys": "k1",
    }.items():  # fmt: skip
        assert parts[parts.index(flag) + 1] == value
    template = Path(parts[parts.index("--chat-template") + 1])
    assert template.is_file() and template.name == "chat_template.json"
    assert "--tp" not in parts and "--proxy-url" not in parts and "--backend" not in parts


@pytest.mark.parametrize(
    "model, has_template, is_pytorch",
    [
        ("InternVL2-8B", True, False), ("InternVL2-26B", True, False), ("OpenGVLab/InternVL2-2B", True, False),
        ("InternVL2-8B-AWQ", True, False), ("InternVL2-4B", False, True), ("InternVL2_5-8B", False, False),
        ("InternVL3-8B", False, False), ("Qwen/Qwen2-VL-7B", False, False), ("InternVL2-1B", False, False),
    ],
)  # fmt: skip
def test_the_template_goes_with_the_models_it_is_for(model: str, has_template: bool, is_pytorch: bool) -> None:
    parts = command(Plan(model), "w")
    assert ("--chat-template" in parts) == has_template
    assert ("--backend" in parts) == is_pytorch
    assert parts[parts.index("--model-name") + 1] == model.split("/")[-1]


def test_the_printed_line_is_the_command_without_the_key(tmp_path) -> None:
    (tmp_path / "my models").mkdir()
    plan = Plan(weights=str(tmp_path / "my models"), api_key="sk-secret", gpus=2)
    parts = command(plan, plan.weights)
    line = shell_line(parts, plan.api_key)
    assert "sk-secret" not in line and '--api-keys "$OUTFIT_VLM_API_KEY"' in line and "--tp 2" in line
    typed = shlex.split(line.replace('"$OUTFIT_VLM_API_KEY"', "sk-secret"))
    assert typed == parts
    assert shell_line(command(plan, "OpenGVLab/X"), "").startswith("LMDEPLOY_USE_MODELSCOPE=True lmdeploy serve")


def test_lmdeploy_itself_takes_every_flag() -> None:
    """Against the names in LMDeploy's own command-line files."""
    cli = lmdeploy_folder() / "cli"
    known = (cli / "serve.py").read_text(encoding="utf-8") + (cli / "utils.py").read_text(encoding="utf-8")
    plan = Plan("InternVL2-4B", api_key="k", gpus=2, proxy_url="http://10.0.0.1:8000")
    for parts in (
        command(plan, "w"),
        command(Plan(), "w"),
        shlex.split(nodes_text(plan).splitlines()[3]),
        shlex.split(nodes_text(plan).splitlines()[5]),
    ):
        for part in parts:
            assert not part.startswith("--") or f"'{part}'" in known, part


def test_several_machines_share_the_work_behind_a_proxy() -> None:
    text = nodes_text(Plan())
    proxy, node, app = (line for line in text.splitlines() if not line.startswith("#"))
    assert proxy.startswith("lmdeploy serve proxy --server-name 10.0.0.1 --server-port 8000")
    assert node.startswith("LMDEPLOY_USE_MODELSCOPE=True lmdeploy serve api_server OpenGVLab/InternVL2-8B")
    assert "--proxy-url http://10.0.0.1:8000" in node and "--server-name 10.0.0.11" in node
    assert app == (
        'OUTFIT_VLM_URL=http://10.0.0.1:8000/v1 OUTFIT_VLM_MODEL=InternVL2-8B OUTFIT_VLM_API_KEY="$OUTFIT_VLM_API_KEY"'
        " outfit app"
    )
    assert "private" in text


@pytest.mark.parametrize(
    "wrong", [{"host": "0.0.0.0"}, {"host": "192.168.0.7"}, {"cache_share": 0.0}, {"cache_share": 1.0}, {"port": 0},
              {"context": 0}, {"vision_batch": 0}, {"gpus": 0}],
)  # fmt: skip
def test_what_would_be_unsafe_or_senseless_is_refused(wrong: dict) -> None:
    with pytest.raises(InvalidSetting):
        Plan(**wrong)


def test_another_address_needs_a_key() -> None:
    assert Plan(host="10.0.0.7", api_key="k").url == "http://10.0.0.7:23333/v1"


@pytest.mark.parametrize(
    "model, gib", [("InternVL2-8B", 8e9 * 2 / 2**30 + 4), ("InternVL2-8B-AWQ", 8e9 * 0.7 / 2**30 + 4), ("my-model", None),
                   ("InternVL2_5-1.5B", 1.5e9 * 2 / 2**30 + 4)],
)  # fmt: skip
def test_memory_by_the_name(model: str, gib: float | None) -> None:
    assert needed_gib(model) == (None if gib is None else pytest.approx(gib))


# --- what is missing --------------------------------------------------------------------------------------------------


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Path:
    """A machine whose only programs are those put into the folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_a_bare_machine_is_told_both(machine: Path) -> None:
    package, gpu = obstacles(Plan())
    assert "LMDeploy is not installed" in package.message and "pip install" in package.hint
    assert "no NVIDIA GPU found: nvidia-smi is not installed" in gpu.message and "OUTFIT_VLM_URL" in gpu.hint


@pytest.mark.parametrize(
    "memory, gpus, expected",
    [
        ("24564", 1, []),
        ("81559\n81559", 2, []),
        ("", 1, ["lists none"]),
        ("8192", 1, ["needs about 19 GiB of GPU memory, 8 are there"]),
        ("24564", 2, ["1 GPU found, 2 asked for"]),
    ],
)
def test_gpus_are_looked_at(machine: Path, memory: str, gpus: int, expected: list[str]) -> None:
    program(machine, "nvidia-smi", f"print({memory!r})")
    program(machine, "lmdeploy", "")
    found = obstacles(Plan(gpus=gpus))
    assert len(found) == len(expected)
    assert all(words in finding.message and finding.hint for words, finding in zip(expected, found, strict=True))


def test_a_driver_that_fails_is_no_gpu(machine: Path) -> None:
    program(machine, "nvidia-smi", "raise SystemExit(9)")
    program(machine, "lmdeploy", "")
    assert "no NVIDIA GPU" in obstacles(Plan())[0].message


@pytest.mark.parametrize("version, is_old", [("0.12.3", True), ("0.14.0", True), ("0.15.0", False), ("0.18.0", False),
                                             ("nonsense", False)])  # fmt: skip
def test_versions_with_known_holes_are_named(machine: Path, version: str, is_old: bool) -> None:
    program(machine, "nvidia-smi", "print(24564)")
    program(machine, "lmdeploy", "")
    program(machine, "python", f"print({version!r})")
    found = obstacles(Plan())
    assert [("known holes" in finding.message) for finding in found] == [True] * is_old


# --- weights ----------------------------------------------------------------------------------------------------------


def test_weights_from_a_folder_from_the_hub_or_not_at_all(tmp_path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert find_weights(Plan(weights=str(tmp_path))) == str(tmp_path)
    asked: list[str] = []
    assert find_weights(Plan(), lambda name: asked.append(name) or "/cache/x") == "/cache/x"
    assert asked == ["OpenGVLab/InternVL2-8B"]
    with pytest.raises(ModelUnavailable, match="holds no model"):
        find_weights(Plan(weights=str(tmp_path / "nowhere")))

    assert serve_vlm.kept_weights(Plan(weights="/w")) == "/w"

    def refuse(name: str) -> str:
        raise ConnectionError("no route to host")

    with pytest.raises(ModelUnavailable, match="OpenGVLab/InternVL2-8B could not be fetched.*no route") as caught:
        find_weights(Plan(), refuse)
    assert "--weights" in caught.value.hint


def test_weights_that_are_not_here_go_by_their_name() -> None:
    assert serve_vlm.kept_weights(Plan("nobody/has-this-model")) == "nobody/has-this-model"


def test_without_modelscope_the_next_step_is_said(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "modelscope", None)
    assert serve_vlm.kept_weights(Plan()) == Plan().model_id
    with pytest.raises(ModelUnavailable, match="modelscope") as caught:
        find_weights(Plan())
    assert "outfit-assistant[vlm]" in caught.value.hint and "--weights" in caught.value.hint


# --- running ----------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


STAND_IN = """
import asyncio, sys, time
sys.path.insert(0, {root!r})
from assistant.stylists.rehearsal import Behaviour, ModelServer
print("loading weights", flush=True)
time.sleep({load_s})
server = ModelServer(Behaviour(key={key!r}))
asyncio.run(server.serve(int(sys.argv[sys.argv.index("--server-port") + 1])))
"""


def stand_in(folder: Path, load_s: float = 0.3, key: str = "") -> str:
    """A program called lmdeploy: it serves the loopback model on the port that it is given."""
    root = str(Path(__file__).resolve().parents[1])
    return str(program(folder, "lmdeploy", STAND_IN.format(root=root, load_s=load_s, key=key)))


def test_it_waits_until_a_picture_is_answered_and_prints_the_next_command(tmp_path) -> None:
    plan = Plan(port=free_port(), executable=stand_in(tmp_path, key="k"), api_key="k")
    told: list[str] = []
    began: list[int] = []
    popen = serve_vlm.subprocess.Popen

    class Watched(popen):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            began.append(self.pid)

    serve_vlm.subprocess.Popen = Watched
    try:
        thread = threading.Thread(target=serve_vlm.serve, args=(plan, "w", told.append, tmp_path / "log", 60))
        thread.start()
        until = time.monotonic() + 60
        while not any("Next:" in line for line in told) and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(began[0], 15)
        thread.join(30)
    finally:
        serve_vlm.subprocess.Popen = popen
    assert told[0].startswith("waiting for the model") and told[-1].splitlines()[-1] == serve_vlm.next_command(plan)
    assert not thread.is_alive() and '"$OUTFIT_VLM_API_KEY"' in told[-1] and "=k " not in told[-1]


def test_a_server_that_dies_is_reported_with_its_last_words(tmp_path) -> None:
    dying = program(tmp_path, "lmdeploy", "import sys; print('CUDA out of memory'); sys.exit(3)")
    with pytest.raises(ModelUnavailable, match="status 3(.|\n)*CUDA out of memory") as caught:
        serve_vlm.serve(Plan(port=free_port(), executable=str(dying)), "w", lambda _: None, tmp_path / "log", 60)
    assert str(tmp_path / "log") in caught.value.hint


def test_a_server_that_never_gets_ready_is_given_up_and_stopped(tmp_path) -> None:
    path = program(tmp_path, "lmdeploy", f"open({str(tmp_path / 'pid')!r}, 'w').write(str(__import__('os').getpid()))\n"
                                         "import time; time.sleep(600)")  # fmt: skip
    with pytest.raises(ModelUnavailable, match="not ready after"):
        serve_vlm.serve(Plan(port=free_port(), executable=str(path)), "w", lambda _: None, tmp_path / "log", 1.5)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_service_manager_ends_both(tmp_path) -> None:
    executable = program(
        tmp_path, "lmdeploy", f"open({str(tmp_path / 'pid')!r}, 'w').write(str(__import__('os').getpid()))\n"
                              "import time; time.sleep(600)"
    )  # fmt: skip
    code = (
        "from pathlib import Path; from assistant.serve_vlm import Plan, serve;"
        f"serve(Plan(port={free_port()}, executable={str(executable)!r}), 'w', print, Path({str(tmp_path / 'log')!r}))"
    )
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.DEVNULL) as ours:
        until = time.monotonic() + 60
        while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        ours.terminate()
        assert ours.wait(60) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_argparse_reads_the_command_back() -> None:
    """The flags with values and those without are told apart as LMDeploy's parser does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("weights")
    for flag in ("--model-name", "--server-name", "--session-len", "--cache-max-entry-count", "--vision-max-batch-size",
                 "--server-port", "--logprobs-mode", "--chat-template", "--tp"):  # fmt: skip
        parser.add_argument(flag)
    parser.add_argument("--api-keys", nargs="*")
    parser.add_argument("--trust-remote-code", action="store_true")
    read = parser.parse_args(command(Plan(api_key="a", gpus=2), "w")[3:])
    assert read.weights == "w" and read.api_keys == ["a"] and read.tp == "2" and read.trust_remote_code
