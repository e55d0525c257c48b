"""A worker and its clients over loopback: the ports' contracts, the same answers as here, and all that can go wrong."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from assistant import compose, serve_models
from assistant.api.keys import Keys
from assistant.doctor import examine
from assistant.settings import Settings
from assistant.wish import Wish
from assistant.worker.app import Worker, create_app
from assistant.worker.batching import Batcher, Busy
from retrieval import registry
from retrieval.detectors.grounding_dino import GroundingDinoDetector, Reply
from retrieval.detectors.remote import RemoteDetector
from retrieval.detectors.whole_image import WholeImageDetector
from retrieval.encoders.hashing import HashingImageEncoder, HashingTextEncoder
from retrieval.encoders.remote import RemoteImageEncoder, RemoteTextEncoder
from retrieval.errors import InvalidInput, InvalidReply, InvalidSetting, ModelUnavailable, SpaceMismatch
from retrieval.items import Box, Detection, Gender, Slot
from retrieval.registry import Loaded
from tests.api_server import serving, small_shop
from tests.contracts.detector import DetectorContract, noise
from tests.contracts.image_encoder import ImageEncoderContract, garment
from tests.contracts.text_encoder import TEXTS, TextEncoderContract
from tests.test_gte import minilm  # noqa: F401 - a fixture

ROOT = Path(__file__).resolve().parents[1]


def loaded(role: registry.Role, model: object, name: str = "hashing") -> Loaded:
    return Loaded(model, registry.row(role, name))


class Pieces:
    """A detector that finds a bag in the left half and, less surely, shoes in the lower right quarter."""

    name = "pieces"

    def detect(self, image, labels=()):
        width, height = image.size
        bag = Detection(Box(0, 0, max(width / 2, 0.5), height), "bag", 0.9, Slot.BAG)
        rest = Detection(Box(width / 2, height / 2, width, height), "some thing", 0.4, None)
        return [bag, rest] if "shoes" not in labels else [rest]


@contextmanager
def a_worker(*, keys: Keys | None = None, **models: object) -> Iterator[str]:
    given = {
        "detector": loaded("detector", models.get("detector", Pieces()), "compact"),
        "image encoder": loaded("image encoder", HashingImageEncoder()),
        "text encoder": loaded("text encoder", HashingTextEncoder()),
    }
    worker = Worker(given, timeout_s=10)
    with serving(create_app(worker, keys=keys)) as url:
        yield url
    worker.close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with a_worker() as address:
        yield address


class TestImageEncoder(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, url):
        return RemoteImageEncoder(url)


class TestTextEncoder(TextEncoderContract):
    @pytest.fixture
    def encoder(self, url):
        return RemoteTextEncoder(url)


class TestDetector(DetectorContract):
    @pytest.fixture
    def detector(self, url):
        return RemoteDetector(url)


class TestTheSameAsHere:
    def test_vectors(self, url):
        pictures = [garment("bag", "red"), garment("trousers", "navy", (60, 80)), *(noise(40 + i, 50) for i in range(20))]
        remote, here = RemoteImageEncoder(url), HashingImageEncoder()
        assert remote.space == here.space
        np.testing.assert_allclose(remote.encode_images(pictures), here.encode_images(pictures), atol=1e-6)
        remote, here = RemoteTextEncoder(url), HashingTextEncoder()
        assert remote.space == here.space
        assert remote.search_threshold == registry.row("text encoder", "hashing").search_threshold
        texts = TEXTS + [f"red dress {i}" for i in range(600)]  # more than one request holds
        np.testing.assert_allclose(remote.encode_queries(texts), here.encode_queries(texts), atol=1e-6)

    def test_boxes_names_and_slots(self, url):
        picture = noise(300, 200)
        assert RemoteDetector(url).detect(picture) == Pieces().detect(picture)
        assert RemoteDetector(url).detect(picture, ["shoes"]) == Pieces().detect(picture, ["shoes"])
        assert RemoteDetector(url).name == "compact (worker)"

    def test_boxes_of_a_large_photo_are_in_its_own_pixels(self, url):
        found = RemoteDetector(url).detect(Image.new("RGB", (4096, 1024)))
        assert found[0].box.as_tuple() == pytest.approx((0, 0, 2048, 1024))


def test_torch_encoders_by_a_worker_are_the_same_as_here(minilm, tmp_path):  # noqa: F811
    from retrieval.encoders.clip import ClipImageEncoder
    from retrieval.encoders.gte import GteTextEncoder
    from tests.test_clip import small_clip

    texts = GteTextEncoder(str(minilm), name="gte", device="cpu", precision="float32")
    images = ClipImageEncoder(str(small_clip(tmp_path, "clip")), name="fashion-clip", device="cpu", precision="float32")
    given = {
        "image encoder": loaded("image encoder", images, "fashion-clip"), "text encoder": loaded("text encoder", texts, "gte"),
    }  # fmt: skip
    with serving(create_app(Worker(given))) as url:
        remote_texts, remote_images = RemoteTextEncoder(url), RemoteImageEncoder(url)
        assert (remote_texts.space, remote_texts.search_threshold) == (texts.space, 0.6)
        np.testing.assert_allclose(remote_texts.encode_queries(TEXTS), texts.encode_queries(TEXTS), atol=1e-4)
        assert remote_images.space == images.space
        many = [garment("bag", "red"), *(noise(40 + i, 50) for i in range(20))]
        np.testing.assert_allclose(remote_images.encode_images(many), images.encode_images(many), atol=1e-4)


class TestAccess:
    def test_without_keys_and_with_them(self, tmp_path):
        keys = Keys(tmp_path / "keys.db")
        with a_worker(keys=keys) as url:
            assert RemoteTextEncoder(url).encode_queries(["dress"]).shape[0] == 1
            key = keys.make("app")
            for given in (None, "outfit-00000000-" + "x" * 43):
                with pytest.raises(ModelUnavailable, match="refuses the key") as refused:
                    RemoteTextEncoder(url, given)
                assert "outfit keys make" in refused.value.hint
            assert RemoteTextEncoder(url, key).encode_queries(["dress"]).shape[0] == 1
            assert httpx.get(url + "/healthz").json() == {"status": "ok"}

    def test_bad_requests_are_named(self, url):
        as_json = {"content-type": "application/json"}

        def refused(path: str, body: object) -> str:
            answer = httpx.post(url + path, content=json.dumps(body), headers=as_json)
            assert answer.status_code in (400, 413), answer.text
            return answer.json()["error"]["message"]

        assert "texts" in refused("/v1/embed/texts", {"texts": []})
        assert "texts" in refused("/v1/embed/texts", {"texts": ["x"] * 1025})
        assert "role" in refused("/v1/embed/texts", {"texts": ["x"], "role": "title"})
        assert "surrogate" in refused("/v1/embed/texts", {"texts": ["\ud800"]})
        assert "images" in refused("/v1/embed/images", {"images": ["x"] * 65})
        assert "data:image" in refused("/v1/embed/images", {"images": ["http://127.0.0.1/a.png"]})
        assert "not a picture" in refused("/v1/detect", {"image": "data:image/png;base64,aGVsbG8="})
        assert "labels" in refused("/v1/detect", {"image": "", "labels": ["x"] * 61})
        assert httpx.post(url + "/v1/embed/texts", content=b"{", headers=as_json).json()["error"]["code"] == "invalid_json"

    def test_a_body_over_the_limit_is_refused(self):
        worker = Worker({"text encoder": loaded("text encoder", HashingTextEncoder())})
        with serving(create_app(worker, max_bytes=1000)) as url:
            with pytest.raises(InvalidInput, match="too large"):
                RemoteTextEncoder(url).encode_queries(["long " * 1000])

    def test_a_role_that_is_not_served(self):
        worker = Worker({"text encoder": loaded("text encoder", HashingTextEncoder())})
        with serving(create_app(worker)) as url:
            with pytest.raises(ModelUnavailable, match="serves no detector: it serves text encoder"):
                RemoteDetector(url)
            assert httpx.post(url + "/v1/detect", json={"image": "data:image/png;base64,"}).status_code in (400, 404)

    def test_ready_once_warm_and_not_while_a_model_hangs(self, monkeypatch):
        warm, go = threading.Event(), threading.Event()

        class Slow(Pieces):
            def detect(self, image, labels=()):
                go.wait(10)
                return []

        worker = Worker({"detector": loaded("detector", Slow(), "compact")})
        with serving(create_app(worker, warm=warm)) as url:
            assert httpx.get(url + "/readyz").status_code == 503
            warm.set()
            assert httpx.get(url + "/readyz").json() == {"status": "ready"}
            monkeypatch.setattr("assistant.worker.app._STUCK_S", 0.01)
            detector = RemoteDetector(url)
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(detector.detect, noise(40, 40))
                until = time.monotonic() + 10
                while (answer := httpx.get(url + "/readyz")).status_code == 200 and time.monotonic() < until:
                    time.sleep(0.02)
                assert "the detector 'compact' hangs" in answer.json()["error"]["message"]
                go.set()
                assert waiting.result() == []

    def test_labels_that_the_detector_cannot_read_are_told_as_they_are_here(self):
        class Silent:
            revision, rounds_first = "none", False

            def look(self, pixels, caption):
                return Reply(np.zeros((1, 3), np.float32), np.full((1, 4), 0.5, np.float32), [0, 1, 2])

            def words(self, tokens):
                return ""

        with a_worker(detector=GroundingDinoDetector(Silent())) as url:
            with pytest.raises(InvalidInput, match="'飞机' is Chinese, and no English word for it is known"):
                RemoteDetector(url).detect(noise(64, 64), ["飞机"])
            assert RemoteDetector(url).detect(noise(64, 64), ["裤子"]) == []


class TestBatcher:
    def batcher(self, work: Callable, **given) -> Batcher:
        return Batcher(work, name="the model", **given)

    def test_what_waits_together_is_run_together_each_kind_by_itself(self):
        calls, begun, go = [], threading.Event(), threading.Event()

        def work(inputs, kind):
            calls.append((list(inputs), kind))
            begun.set()
            assert go.wait(10)
            return [one * 10 for one in inputs]

        batcher = self.batcher(work, most=5, linger_s=0.0)
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(batcher.run, [0], "a", timeout_s=10)]
            assert begun.wait(10)
            for inputs, kind in (([1, 2], "a"), ([3], "a"), ([4, 5, 6], "a"), ([7], "b")):
                answers.append(pool.submit(batcher.run, inputs, kind, timeout_s=10))
                until = time.monotonic() + 10
                while batcher._jobs.qsize() < len(answers) - 1 and time.monotonic() < until:
                    time.sleep(0.002)
            go.set()
            assert [answer.result() for answer in answers] == [[0], [10, 20], [30], [40, 50, 60], [70]]
        assert calls == [([0], "a"), ([1, 2, 3], "a"), ([4, 5, 6], "a"), ([7], "b")]
        batcher.close()

    def test_one_bad_input_spoils_nobody_elses(self):
        begun, go = threading.Event(), threading.Event()

        def work(inputs, kind):
            begun.set()
            go.wait(10)
            if "bad" in inputs:
                raise InvalidInput("bad is no word")
            return [one.upper() for one in inputs]

        batcher = self.batcher(work)
        with ThreadPoolExecutor(4) as pool:
            first = pool.submit(batcher.run, ["x"], timeout_s=10)
            begun.wait(10)
            good, bad = (pool.submit(batcher.run, [word], timeout_s=10) for word in ("good", "bad"))
            go.set()
            assert (first.result(), good.result()) == (["X"], ["GOOD"])
            with pytest.raises(InvalidInput, match="bad is no word"):
                bad.result()
        assert batcher.run(["again"], timeout_s=10) == ["AGAIN"]

    def test_a_full_queue_refuses_and_a_hanging_model_is_told(self):
        begun, go = threading.Event(), threading.Event()

        def work(inputs, kind):
            begun.set()
            go.wait(10)
            return inputs

        batcher = self.batcher(work, waiting=1)
        with ThreadPoolExecutor(3) as pool:
            first = pool.submit(batcher.run, [1], timeout_s=10)
            assert begun.wait(10)
            with pytest.raises(ModelUnavailable, match="the model gave no answer within 0.05 s"):
                batcher.run([2], timeout_s=0.05)  # still queued, and passed over once its turn comes
            with pytest.raises(Busy):
                batcher.run([3], timeout_s=10)
            assert batcher.busy_s > 0
            go.set()
            assert first.result() == [1]
        assert batcher.run([4], timeout_s=10) == [4]

    def test_nothing_asked_is_nothing_done(self):
        assert self.batcher(lambda inputs, kind: 1 / 0).run([], timeout_s=1) == []

    def test_many_at_once_each_get_their_own(self):
        batcher = self.batcher(lambda inputs, kind: [(one, kind) for one in inputs], most=7)
        with ThreadPoolExecutor(16) as pool:
            asked = [([i, i + 1000], i % 3) for i in range(300)]
            got = list(pool.map(lambda job: batcher.run(job[0], job[1], timeout_s=30), asked))
        assert got == [[(one, kind) for one in inputs] for inputs, kind in asked]


SPACE = {"model": "m", "revision": "r", "modality": "text", "dim": 2}
MODELS = {"models": [{"role": "text encoder", "name": "m", "space": SPACE}, {"role": "detector", "name": "d"}]}


def rows(*values: float, dim: int = 2, space: dict | None = None) -> dict:
    raw = np.array(values, "<f4").reshape(-1, dim)
    return {"space": space or SPACE, "shape": raw.shape, "vectors": base64.b64encode(raw.tobytes()).decode()}


@contextmanager
def a_liar(answer: Callable[[BaseHTTPRequestHandler, int], None]) -> Iterator[str]:
    """A server that tells its models as a worker does; `answer(handler, count of posts)` deals with the rest."""
    counted = [0]

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            say(self, MODELS)

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            counted[0] += 1
            answer(self, counted[0])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def say(handler: BaseHTTPRequestHandler, body: object, status: int = 200) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("content-length", str(len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)


class TestWhatAWorkerMayDo:
    @pytest.mark.parametrize(
        ("body", "error", "says"),
        [
            (b"<html>hello</html>", InvalidReply, "answered no JSON object"),
            (b"[" * 50_000, InvalidReply, "answered no JSON object"),
            (b"", InvalidReply, "answered no JSON object"),
            ([], InvalidReply, "answered no JSON object"),
            ({}, InvalidReply, "answered no vectors"),
            (rows(1, 0) | {"vectors": "???"}, InvalidReply, "answered no vectors"),
            (rows(1, 0) | {"shape": [7, 7]}, InvalidReply, "answered no vectors"),
            (rows(1, 0) | {"space": None}, InvalidReply, "answered no vectors"),
            (rows(1, 0, 0, 1), InvalidReply, "answered 2 vectors for 1 inputs"),
            (rows(1, 0, 0, dim=3), InvalidReply, "expected (n, 2)"),
            (rows(3, 4), InvalidReply, "norm 5: expected 1"),
            (rows(float("nan"), 0), InvalidReply, "norm nan"),
            (rows(1, 0, space=SPACE | {"revision": "s"}), SpaceMismatch, "now writes the space m (s), no longer m (r)"),
        ],
        ids=lambda value: str(value)[:40] if not isinstance(value, type) else value.__name__,
    )
    def test_nonsense_is_never_a_vector(self, body, error, says):
        with a_liar(lambda handler, _: say(handler, body)) as url:
            with pytest.raises(error, match=re.escape(says)) as refused:
                RemoteTextEncoder(url).encode_queries(["dress"])
            assert refused.value.hint

    @pytest.mark.parametrize(
        "one",
        [
            {"box": [0, 0, 0, 5], "label": "a", "confidence": 0.5, "slot": None},
            {"box": [0, 0, 5], "label": "a", "confidence": 0.5, "slot": None},
            {"box": [0, 0, 5, float("nan")], "label": "a", "confidence": 0.5, "slot": None},
            {"box": [900, 900, 999, 999], "label": "a", "confidence": 0.5, "slot": None},
            {"box": [0, 0, 5, 5], "label": "a", "confidence": 1.5, "slot": None},
            {"box": [0, 0, 5, 5], "label": " ", "confidence": 0.5, "slot": None},
            {"box": [0, 0, 5, 5], "label": "a", "confidence": 0.5, "slot": "hat"},
            {"box": [0, 0, 5, 5], "label": "a", "confidence": 0.5},
            "a box",
        ],
        ids=str,
    )
    def test_nonsense_is_never_a_box(self, one):
        with a_liar(lambda handler, _: say(handler, {"detections": [one]})) as url:
            with pytest.raises(InvalidReply, match="answered no detections"):
                RemoteDetector(url).detect(noise(40, 40))

    def test_busy_is_tried_again_and_said_where_it_lasts(self):
        error = {"error": {"message": "Too many requests.", "code": "too_many_requests"}}
        with a_liar(lambda handler, count: say(handler, *((error, 429) if count == 1 else (rows(1, 0),)))) as url:
            assert RemoteTextEncoder(url).encode_queries(["dress"]).tolist() == [[1.0, 0.0]]
        with a_liar(lambda handler, _: say(handler, error, 503)) as url:
            with pytest.raises(ModelUnavailable, match="too busy or not ready: Too many requests"):
                RemoteTextEncoder(url).encode_queries(["dress"])

    def test_a_failure_is_told_and_not_tried_again(self):
        asked = []
        error = {"error": {"message": "Something went wrong.", "code": "internal_error"}}
        with a_liar(lambda handler, count: (asked.append(count), say(handler, error, 500))) as url:
            with pytest.raises(ModelUnavailable, match="answered 500: Something went wrong"):
                RemoteTextEncoder(url).encode_queries(["dress"])
        assert asked == [1]

    def test_another_kind_of_server_and_a_redirect_are_no_worker(self):
        def away(handler, _):
            handler.send_response(302)
            handler.send_header("location", "http://127.0.0.1:9/")
            handler.send_header("content-length", "0")
            handler.end_headers()

        for answer, status in ((away, 302), (lambda handler, _: say(handler, b"gone", 404), 404)):
            with a_liar(answer) as url:
                with pytest.raises(InvalidReply, match=f"is no worker of this project: it answered {status}"):
                    RemoteTextEncoder(url).encode_queries(["dress"])

    @pytest.mark.parametrize("kind", ["hangs", "drips"])
    def test_one_that_hangs_or_drips_is_given_up_in_time(self, kind):
        over = threading.Event()

        def answer(handler, _):
            if kind == "drips":
                handler.send_response(200)
                handler.end_headers()
                try:
                    while not over.wait(0.1):
                        handler.wfile.write(b" ")
                except OSError:
                    return
            over.wait(10)

        with a_liar(answer) as url:
            began = time.monotonic()
            with pytest.raises(ModelUnavailable, match="did not answer within 1 s") as refused:
                RemoteTextEncoder(url, timeout_s=1).encode_queries(["dress"])
            over.set()
            assert time.monotonic() - began < 8
            assert "/readyz" in refused.value.hint

    def test_one_that_dies_in_its_answer_is_unreachable(self):
        def answer(handler, _):
            handler.send_response(200)
            handler.send_header("content-length", "1000")
            handler.end_headers()
            handler.wfile.write(b"{")
            handler.connection.close()

        with a_liar(answer) as url:
            with pytest.raises(ModelUnavailable, match="cannot be reached"):
                RemoteTextEncoder(url).encode_queries(["dress"])

    def test_nobody_there(self):
        with pytest.raises(ModelUnavailable, match="worker http://127.0.0.1:9 cannot be reached") as refused:
            RemoteTextEncoder("http://127.0.0.1:9")
        assert "outfit serve-models" in refused.value.hint

    @pytest.mark.parametrize("url", [None, "", "gpu:7870", "ftp://gpu", "http://", "http://gpu:port", "file:///etc/passwd"])
    def test_an_address_that_is_none(self, url):
        with pytest.raises(InvalidSetting, match="models_url is|has no address") as refused:
            RemoteTextEncoder(url)
        assert "OUTFIT_MODELS_URL=" in refused.value.hint


class TestInTheApp:
    def test_the_whole_way_by_a_worker(self, tmp_path):
        names = {"detector": "worker", "image_encoder": "worker", "text_encoder": "worker"}
        with a_worker(detector=WholeImageDetector()) as url:
            small_shop(tmp_path).close()  # by the same models in this process: one space
            settings = Settings.load(home=tmp_path / "home", models_url=url, **names)
            assistant = compose.build(settings)
            assert assistant.search.by_text("men's white shirt", k=1)[0].item.title == "Men White Shirts"
            assert assistant.stylist.plan.search_threshold == registry.row("text encoder", "hashing").search_threshold
            answer = assistant.stylist.recommend(garment("trousers", "navy"), Wish(gender=Gender.MEN))  # a shop for men
            assert answer.looks
            said = {f.subject: f for f in examine(settings)}
            assert "hashing" in said["text encoder"].message and said["text encoder"].is_good
            assistant.close()

    def test_without_its_worker_a_detector_has_a_stand_in_and_an_encoder_has_none(self, tmp_path):
        small_shop(tmp_path).close()
        lost = {"home": tmp_path / "home", "models_url": "http://127.0.0.1:9", "text_encoder": "hashing"}
        assistant = compose.build(Settings.load(detector="worker", image_encoder="hashing", **lost))
        assert any("'worker' cannot be loaded (the worker http://127.0.0.1:9 cannot be reached" in n for n in assistant.notices)
        assistant.close()
        settings = Settings.load(detector="whole-image", image_encoder="worker", **lost)
        with pytest.raises(ModelUnavailable, match="cannot be reached"):
            compose.build(settings)
        said = {f.subject: f for f in examine(settings)}
        assert said["image encoder"].is_fatal and "outfit serve-models" in said["image encoder"].hint


def test_a_worker_serves_no_worker_and_no_stand_in(monkeypatch, tmp_path):
    with pytest.raises(InvalidSetting, match="it would ask itself"):
        serve_models.load(Settings.load(text_encoder="worker", models_url="http://127.0.0.1:9"), ["text encoder"])
    lost = registry.Model("lost", "text encoder", "nowhere:Nothing", "", weights=("weights/lost.onnx",), fallback="hashing")
    monkeypatch.setattr(registry, "MODELS", (*registry.MODELS, lost))
    with pytest.raises(ModelUnavailable, match="'lost' cannot be loaded"):
        serve_models.load(Settings.load(text_encoder="lost"), ["text encoder"])


def test_the_command_serves_says_what_to_do_next_and_ends_when_told(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OUTFIT_")} | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant.cli", "serve-models", "--port", "0", "--only", "text encoder"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("OUTFIT_MODELS_URL="):
                break
        said = "".join(lines)
        url = re.search(r"OUTFIT_MODELS_URL=(\S+) OUTFIT_TEXT_ENCODER=worker outfit app", said)
        assert url, said
        assert RemoteTextEncoder(url[1]).space == HashingTextEncoder().space
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()


def test_other_machines_need_a_key(tmp_path):
    with pytest.raises(InvalidSetting, match="can be reached from other machines, and there is no key") as refused:
        serve_models.serve(Settings.load(home=tmp_path, host="0.0.0.0", port=0), ["text encoder"])
    assert "outfit keys make" in refused.value.hint
