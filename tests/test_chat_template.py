"""`chat_template.json` against LMDeploy's own template classes, and our counting of tiles against its own tiling."""

from __future__ import annotations

import json
import random
import re
import types
from pathlib import Path

import pytest
from PIL import Image

from assistant.stylists import budget
from retrieval import resources
from tests.servers import lmdeploy_folder, vendor_functions

FILE = Path(__file__).resolve().parents[1] / "chat_template.json"
INSTRUCTION = (
    "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, 是一个有用无害的人工智能助手。"
)

# The conversation format that InternVL2-8B was trained with, as its authors' conversation.py ("internlm2-chat",
# separator style MPT, no line end after <|im_end|>) and the model card write it.
DOCUMENTED = (
    f"<|im_start|>system\n{INSTRUCTION}<|im_end|>"
    "<|im_start|>user\nImage-1: <img><IMG_CONTEXT></img>\nImage-2: <img><IMG_CONTEXT></img>\nDo they match?<|im_end|>"
    "<|im_start|>assistant\nYes.<|im_end|>"
    "<|im_start|>user\nWhy?<|im_end|>"
    "<|im_start|>assistant\n"
)
CONVERSATION = [
    {"role": "user", "content": "Image-1: <img><IMG_CONTEXT></img>\nImage-2: <img><IMG_CONTEXT></img>\nDo they match?"},
    {"role": "assistant", "content": "Yes."},
    {"role": "user", "content": "Why?"},
]


class _Registry:
    """As much of mmengine's Registry as LMDeploy's templates use: it stands in for a library, not for what is
    tested."""

    def __init__(self, *_: object, **__: object) -> None:
        self.module_dict: dict[str, type] = {}

    def register_module(self, name: str | list[str], module: type | None = None):
        def register(cls: type) -> type:
            self.module_dict.update(dict.fromkeys([name] if isinstance(name, str) else name, cls))
            return cls

        return register if module is None else register(module)

    def get(self, name: str) -> type:
        return self.module_dict[name]


@pytest.fixture(scope="module")
def vendor() -> types.ModuleType:
    """LMDeploy's `model.py`: its own ChatTemplateConfig and BaseChatTemplate, with the imports that need CUDA left
    out."""
    path = lmdeploy_folder() / "model.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    left_out = ("from mmengine import", "from lmdeploy.archs import", "from lmdeploy.utils import", "logger =")
    source = "\n".join("" if line.startswith(left_out) else line for line in lines)
    module = types.ModuleType("vendor_model")
    module.Registry = _Registry
    module.logger = types.SimpleNamespace(warning=lambda *_: None)
    import sys

    sys.modules["vendor_model"] = module
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def template(vendor: types.ModuleType):
    return vendor.ChatTemplateConfig.from_json(str(FILE)).chat_template()


def test_a_conversation_is_rendered_as_documented_byte_for_byte(vendor) -> None:
    assert template(vendor).messages2prompt(CONVERSATION).encode() == DOCUMENTED.encode()


def test_our_own_system_message_takes_the_place_of_the_built_in_one(vendor) -> None:
    ours = [{"role": "system", "content": "You are a stylist."}, *CONVERSATION[:1]]
    rendered = template(vendor).messages2prompt(ours)
    assert rendered.startswith("<|im_start|>system\nYou are a stylist.<|im_end|><|im_start|>user\nImage-1: ")
    assert INSTRUCTION not in rendered and rendered.endswith("<|im_end|><|im_start|>assistant\n")


def test_every_marker_is_spelled_out_and_known_to_the_vendor(vendor) -> None:
    import dataclasses

    given = json.loads(FILE.read_text(encoding="utf-8"))
    assert set(given) <= {field.name for field in dataclasses.fields(vendor.ChatTemplateConfig)}
    for marker in ("system", "eosys", "user", "eoh", "assistant", "eoa"):
        assert given[marker].startswith("<|im_")
    rendered = template(vendor)
    assert {key: getattr(rendered, key) for key in given if key != "model_name"} == {
        key: value for key, value in given.items() if key != "model_name"
    }
    assert rendered.stop_words == ["<|im_start|>", "<|im_end|>"]


def test_a_name_alone_would_give_no_markers_at_all(vendor) -> None:
    """Why every marker is spelled out: the name that older guides give is not registered any more."""
    assert "internlm2" not in vendor.MODELS.module_dict
    bare = vendor.ChatTemplateConfig.from_json('{"model_name": "internlm2"}').chat_template()
    assert bare.messages2prompt([{"role": "user", "content": "hi"}]) == "hi"


def test_the_file_stands_without_the_vendor_too() -> None:
    given = json.loads(FILE.read_text(encoding="utf-8"))
    parts = [given["system"], given["meta_instruction"], given["eosys"]]
    for message in CONVERSATION:
        start, end = ("user", "eoh") if message["role"] == "user" else ("assistant", "eoa")
        parts += [given[start], message["content"], given[end]]
    assert "".join([*parts, given["assistant"]]) == DOCUMENTED


def test_tiles_are_counted_as_the_vendor_cuts_them() -> None:
    cut = vendor_functions(
        lmdeploy_folder() / "vl" / "model" / "internvl.py", "find_closest_aspect_ratio", "dynamic_preprocess"
    )["dynamic_preprocess"]
    rng = random.Random(7)
    sizes = [(60, 80), (168, 224), (400, 400), (448, 448), (600, 800), (800, 600), (1000, 500), (1, 500), (900, 900)]
    sizes += [(rng.randint(8, 1200), rng.randint(8, 1200)) for _ in range(25)]
    for size in sizes:
        for most in (1, 4, 6, 12):
            tiles = cut(Image.new("L", size), min_num=1, max_num=most, image_size=448, use_thumbnail=True)
            assert budget.picture_tokens(*size, most) == 256 * len(tiles), (size, most)


@pytest.mark.parametrize(
    "size, most, tokens",
    [((60, 80), 12, 3328), ((60, 80), 1, 256), ((448, 448), 12, 256), ((60, 80), 6, 7 * 256), ((80, 60), 12, 3328)],
)
def test_tokens_by_hand(size: tuple[int, int], most: int, tokens: int) -> None:
    assert budget.picture_tokens(*size, most) == tokens


@pytest.mark.parametrize("size", [(60, 80), (300, 100), (1000, 500), (448, 448), (1, 1), (5, 900)])
def test_one_tile_is_square_and_never_enlarged(size: tuple[int, int]) -> None:
    made = budget.for_tiles(Image.new("RGB", size, "navy"), 1)
    side = min(448, max(size))
    assert made.size == (side, side) and made.getpixel((side // 2, side // 2)) == (0, 0, 128)


@pytest.mark.parametrize("size, most", [((3000, 4000), 6), ((4000, 3000), 4), ((600, 800), 6), ((2000, 200), 6)])
def test_several_tiles_keep_proportions_and_cover_the_grid(size: tuple[int, int], most: int) -> None:
    made = budget.for_tiles(Image.new("RGB", size), most)
    columns, rows = budget.grid(*size, most)
    assert abs(made.width / made.height - size[0] / size[1]) < 0.02 * size[0] / size[1]
    assert made.width <= size[0] and (made.width >= columns * 448 or made.height >= rows * 448 or made.size == size)
    assert budget.grid(*made.size, most) == (columns, rows)


def test_no_prompt_is_counted_with_fewer_tokens_than_it_has_words() -> None:
    for path in resources.path("", room="prompts").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert budget.word_tokens(text) >= len(re.findall(r"\w+", text)), path.name
    assert budget.word_tokens("衬衫和裤子") == 5 and budget.word_tokens("") == 0
    assert budget.word_tokens("a" * 32) == 10  # 3.2 characters a token
