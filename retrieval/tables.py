"""The catalogue's tables, as the newest migration leaves them. The same on SQLite, MySQL or MariaDB, and PostgreSQL.

Lengths are told and names compared byte by byte on every engine, so that "A1" and "a1" are two products everywhere.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Double,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from retrieval.feed_rows import LONGEST


def text(length: int) -> TypeEngine:
    """Text of at most `length` characters, compared by its code points."""
    on_mysql = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    on_postgresql = postgresql.VARCHAR(length, collation="C")
    return String(length).with_variant(on_mysql, "mysql", "mariadb").with_variant(on_postgresql, "postgresql")


def long_text() -> TypeEngine:
    return Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


def blob() -> TypeEngine:
    """Bytes, up to 16 MiB on every engine."""
    return LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


metadata = MetaData()

# A store of pictures, as it was given to an ingest: an absolute path of a folder or a zip.
image_stores = Table(
    "image_stores",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("location", text(700), nullable=False, unique=True),
)

# A product. `state`: pending (being written), ready (searchable), retired (no longer in the feed; kept).
items = Table(
    "items",
    metadata,
    Column("sku", text(LONGEST["sku"]), primary_key=True),
    Column("state", text(10), nullable=False),
    Column("title", text(LONGEST["title"]), nullable=False),
    Column("category", text(LONGEST["category"]), nullable=False),
    Column("slot", text(20)),
    Column("gender", text(10), nullable=False),
    Column("sub_category", text(LONGEST["sub_category"])),
    Column("master_category", text(LONGEST["master_category"])),
    Column("colour", text(LONGEST["colour"])),
    Column("season", text(LONGEST["season"])),
    Column("usage", text(LONGEST["usage"])),
    Column("year", Integer),
    Column("price_cents", BigInteger),
    Column("currency", text(LONGEST["currency"])),
    Column("stock", Integer),
    Column("url", text(LONGEST["url"])),
    Index("items_by_state", "state", "sku"),
)

# A photo of a product. `fingerprint` changes with the file and is told without reading it; `digest` is the sha256 of its
# bytes; `perceptual_hash` 64 hex digits; `palette` a list of swatches.
views = Table(
    "views",
    metadata,
    Column("sku", text(LONGEST["sku"]), ForeignKey("items.sku", ondelete="CASCADE"), primary_key=True),
    Column("name", text(100), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("store_id", Integer, ForeignKey("image_stores.id"), nullable=False),
    Column("path", text(1_000), nullable=False),
    Column("fingerprint", text(80), nullable=False),
    Column("digest", text(64), nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("perceptual_hash", text(64), nullable=False),
    Column("palette", JSON, nullable=False),
)

# The space that a collection of vectors ("image", "text") was written in.
spaces = Table(
    "spaces",
    metadata,
    Column("collection", text(60), primary_key=True),
    Column("model", text(200), nullable=False),
    Column("revision", text(200), nullable=False),
    Column("modality", text(10), nullable=False),
    Column("dim", Integer, nullable=False),
)

# What an index holds, or is about to: a row is here, `is_written` 0, before its vector is written, and here until after
# the vector is deleted, so that no vector is ever unknown to SQL. `digest` is of what was embedded, `columns_digest` of the
# columns beside it. `view` is "" for text.
vectors = Table(
    "vectors",
    metadata,
    Column("collection", text(60), ForeignKey("spaces.collection"), primary_key=True),
    Column("sku", text(LONGEST["sku"]), ForeignKey("items.sku", ondelete="CASCADE"), primary_key=True),
    Column("view", text(100), primary_key=True),
    Column("digest", text(64), nullable=False),
    Column("columns_digest", text(64), nullable=False),
    Column("is_written", Integer, nullable=False),
    Index("vectors_by_sku", "sku"),
    Index("vectors_by_is_written", "is_written"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("feed", text(300), nullable=False),
    Column("is_full", Integer, nullable=False),
    Column("began_at", DateTime, nullable=False),
    Column("ended_at", DateTime),
    Column("summary", JSON),
)

# What a run could not use, and why. Those of the newest run over a feed replace those of the run before.
rejects = Table(
    "rejects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("sku", text(LONGEST["sku"]), nullable=False),
    Column("reason", long_text(), nullable=False),
    Column("raw", long_text(), nullable=False),
    Index("rejects_by_run", "run_id"),
)

# --- the stylists' desk ---

# Something to be looked over, once however often it is proposed: a whole look, or one item beside a garment. `digest`
# tells what it is; `reference` what decisions about it hold for; `data` the rest, as `assistant/desk/cases.py` writes it.
# `state`: open, approved, rejected, settled (a decision about something else answered it too).
desk_cases = Table(
    "desk_cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", text(64), nullable=False, unique=True),
    Column("kind", text(10), nullable=False),
    Column("state", text(10), nullable=False),
    Column("reference", text(250), nullable=False),
    Column("category", text(LONGEST["category"]), nullable=False),
    Column("gender", text(10)),
    Column("slot", text(20)),
    Column("skus", JSON, nullable=False),
    Column("answer", text(10), nullable=False),
    Column("p_yes", Float),
    Column("model", text(200), nullable=False),
    Column("is_contested", Integer, nullable=False),
    Column("complaints", Integer, nullable=False),
    Column("praise", Integer, nullable=False),
    Column("times_seen", Integer, nullable=False),
    Column("answer_id", text(32), nullable=False),
    Column("crop", text(64)),
    Column("data", JSON, nullable=False),
    Column("made_at", DateTime, nullable=False),
    Column("decision_id", Integer),
    Index("desk_cases_by_state", "state", "is_contested", "id"),
    Index("desk_cases_by_reference", "reference"),
    Index("desk_cases_by_decision", "decision_id"),
)

# A shopper's garment, small, for as long as it is kept.
desk_crops = Table(
    "desk_crops",
    metadata,
    Column("digest", text(64), primary_key=True),
    Column("jpeg", LargeBinary(60_000), nullable=False),
    Column("until", DateTime, nullable=False),
    Index("desk_crops_by_until", "until"),
)

# Every decision, never changed: taking one back is a decision too (`undoes`). `rules` is what it says to the main path.
desk_decisions = Table(
    "desk_decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("desk_cases.id"), nullable=False),
    Column("batch", text(32), nullable=False),
    Column("act", text(10), nullable=False),
    Column("who", text(100), nullable=False),
    Column("key_id", text(8)),
    Column("at", DateTime, nullable=False),
    Column("reason", text(30)),
    Column("words", text(2_000), nullable=False),
    Column("sku", text(LONGEST["sku"])),
    Column("instead", text(LONGEST["sku"])),
    Column("undoes", Integer, unique=True),
    Column("rules", JSON, nullable=False),
    Index("desk_decisions_by_batch", "batch"),
    Index("desk_decisions_by_case", "case_id"),
)

# What shoppers and shops say of what they were shown. `rating`: up or down.
desk_feedback = Table(
    "desk_feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("desk_cases.id"), nullable=False),
    Column("rating", text(4), nullable=False),
    Column("words", text(2_000), nullable=False),
    Column("key_id", text(8)),
    Column("at", DateTime, nullable=False),
    Index("desk_feedback_by_case", "case_id"),
)

# Settings of the main path under a name, with what they were measured to do.
desk_profiles = Table(
    "desk_profiles",
    metadata,
    Column("name", text(60), primary_key=True),
    Column("knobs", JSON, nullable=False),
    Column("effect", JSON, nullable=False),
    Column("who", text(100), nullable=False),
    Column("at", DateTime, nullable=False),
)

# Which of these the shop goes by (`name` NULL: its settings), since `at`: the last row counts. `knobs` are a copy of that
# moment, `replaced` the row that held before.
desk_uses = Table(
    "desk_uses",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", text(60)),
    Column("knobs", JSON(none_as_null=True)),
    Column("who", text(100), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("replaced", Integer),
)

# How a view was taken (see `items.ShotTags`; NULL is "cannot tell"), or why that could not be asked (`fault`). `digest` is
# of the file that was looked at, `tagger` the model that looked; tokens and seconds are what it cost.
shot_tags = Table(
    "shot_tags",
    metadata,
    Column("sku", text(LONGEST["sku"]), ForeignKey("items.sku", ondelete="CASCADE"), primary_key=True),
    Column("view", text(100), primary_key=True),
    Column("digest", text(64), nullable=False),
    Column("tagger", text(200), nullable=False),
    Column("tagged_at", DateTime, nullable=False),
    Column("model_present", Integer),
    Column("model_count", Integer),
    Column("real_scene", Integer),
    Column("worn", Integer),
    Column("angle", text(20)),
    Column("whole", Integer),
    Column("category", text(LONGEST["category"])),
    Column("quality", Float),
    Column("confidence", JSON, nullable=False),
    Column("fault", long_text()),
    Column("prompt_tokens", Integer, nullable=False),
    Column("answer_tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
)

# --- what visitors of the shop page keep ---

# A garment that a visitor of the shop page keeps. `visitor` is the sha256 of the secret in the visitor's cookie, `picture`
# a JPEG of the garment alone. Nobody else reads it.
wardrobe_garments = Table(
    "wardrobe_garments",
    metadata,
    Column("id", text(22), primary_key=True),
    Column("visitor", text(64), nullable=False),
    Column("title", text(LONGEST["title"]), nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("palette", JSON, nullable=False),
    Column("picture", blob(), nullable=False),
    Column("kept_at", DateTime, nullable=False),
    Index("wardrobe_garments_by_visitor", "visitor"),
)

# A look that a visitor keeps. `token` is the secret of its link: whoever has it sees the look. `picture` is a JPEG of the
# garment that it was built around, NULL where that is an item of the shop.
saved_looks = Table(
    "saved_looks",
    metadata,
    Column("token", text(22), primary_key=True),
    Column("visitor", text(64), nullable=False),
    Column("title", text(LONGEST["title"]), nullable=False),
    Column("content", JSON, nullable=False),
    Column("picture", blob()),
    Column("kept_at", DateTime, nullable=False),
    Index("saved_looks_by_visitor", "visitor"),
)

# What several app processes share (`assistant/shared.py`). `until` is in seconds since 1970, UTC; a file is kept in parts
# of at most 1 MiB, each with the whole file's kind, name, size in bytes and time.
shared_visits = Table(
    "shared_visits",
    metadata,
    Column("session", text(64), primary_key=True),
    Column("data", blob(), nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("shared_visits_by_until", "until"),
)
shared_files = Table(
    "shared_files",
    metadata,
    Column("name", text(32), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("kind", text(100), nullable=False),
    Column("filename", text(200), nullable=False),
    Column("size", Integer, nullable=False),
    Column("data", blob(), nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("shared_files_by_until", "until"),
)
shared_verdicts = Table(
    "shared_verdicts",
    metadata,
    Column("key", text(64), primary_key=True),
    Column("answer", text(10), nullable=False),
    Column("p_yes", Double),
    Column("reason", text(2_000), nullable=False),
    Column("model", text(200), nullable=False),
    Column("checksum", text(32), nullable=False),
)
