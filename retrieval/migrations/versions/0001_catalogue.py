"""The catalogue: products, their photos, what the indexes hold, runs and what they rejected.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0001"
down_revision = None


def text(length):
    on_mysql = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    on_postgresql = postgresql.VARCHAR(length, collation="C")
    return sa.String(length).with_variant(on_mysql, "mysql", "mariadb").with_variant(on_postgresql, "postgresql")


def long_text():
    return sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade():
    op.create_table(
        "image_stores",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("location", text(700), nullable=False, unique=True),
    )
    op.create_table(
        "items",
        sa.Column("sku", text(120), primary_key=True),
        sa.Column("state", text(10), nullable=False),
        sa.Column("title", text(500), nullable=False),
        sa.Column("category", text(100), nullable=False),
        sa.Column("slot", text(20)),
        sa.Column("gender", text(10), nullable=False),
        sa.Column("sub_category", text(100)),
        sa.Column("master_category", text(100)),
        sa.Column("colour", text(60)),
        sa.Column("season", text(60)),
        sa.Column("usage", text(60)),
        sa.Column("year", sa.Integer),
        sa.Column("price_cents", sa.BigInteger),
        sa.Column("currency", text(3)),
        sa.Column("stock", sa.Integer),
        sa.Column("url", text(2000)),
        sa.Index("items_by_state", "state", "sku"),
    )
    op.create_table(
        "views",
        sa.Column("sku", text(120), sa.ForeignKey("items.sku", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", text(100), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("store_id", sa.Integer, sa.ForeignKey("image_stores.id"), nullable=False),
        sa.Column("path", text(1000), nullable=False),
        sa.Column("fingerprint", text(80), nullable=False),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("width_px", sa.Integer, nullable=False),
        sa.Column("height_px", sa.Integer, nullable=False),
        sa.Column("perceptual_hash", text(64), nullable=False),
        sa.Column("palette", sa.JSON, nullable=False),
    )
    op.create_table(
        "spaces",
        sa.Column("collection", text(60), primary_key=True),
        sa.Column("model", text(200), nullable=False),
        sa.Column("revision", text(200), nullable=False),
        sa.Column("modality", text(10), nullable=False),
        sa.Column("dim", sa.Integer, nullable=False),
    )
    op.create_table(
        "vectors",
        sa.Column("collection", text(60), sa.ForeignKey("spaces.collection"), primary_key=True),
        sa.Column("sku", text(120), sa.ForeignKey("items.sku", ondelete="CASCADE"), primary_key=True),
        sa.Column("view", text(100), primary_key=True),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("columns_digest", text(64), nullable=False),
        sa.Column("is_written", sa.Integer, nullable=False),
        sa.Index("vectors_by_sku", "sku"),
        sa.Index("vectors_by_is_written", "is_written"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("feed", text(300), nullable=False),
        sa.Column("is_full", sa.Integer, nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("summary", sa.JSON),
    )
    op.create_table(
        "rejects",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("sku", text(120), nullable=False),
        sa.Column("reason", long_text(), nullable=False),
        sa.Column("raw", long_text(), nullable=False),
        sa.Index("rejects_by_run", "run_id"),
    )
