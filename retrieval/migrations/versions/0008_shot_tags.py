"""Shot tags: how each photo of the catalogue was taken, by which model, and what asking cost.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0008"
down_revision = "0006"


def text(length):
    on_mysql = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    on_postgresql = postgresql.VARCHAR(length, collation="C")
    return sa.String(length).with_variant(on_mysql, "mysql", "mariadb").with_variant(on_postgresql, "postgresql")


def long_text():
    return sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade():
    op.create_table(
        "shot_tags",
        sa.Column("sku", text(120), sa.ForeignKey("items.sku", ondelete="CASCADE"), primary_key=True),
        sa.Column("view", text(100), primary_key=True),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("tagger", text(200), nullable=False),
        sa.Column("tagged_at", sa.DateTime, nullable=False),
        sa.Column("model_present", sa.Integer),
        sa.Column("model_count", sa.Integer),
        sa.Column("real_scene", sa.Integer),
        sa.Column("worn", sa.Integer),
        sa.Column("angle", text(20)),
        sa.Column("whole", sa.Integer),
        sa.Column("category", text(100)),
        sa.Column("quality", sa.Float),
        sa.Column("confidence", sa.JSON, nullable=False),
        sa.Column("fault", long_text()),
        sa.Column("prompt_tokens", sa.Integer, nullable=False),
        sa.Column("answer_tokens", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
