"""The stylists' desk: what is to be looked over, decisions, small crops of photos, feedback, profiles of knobs.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0004"
down_revision = "0003"


def text(length):
    on_mysql = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    on_postgresql = postgresql.VARCHAR(length, collation="C")
    return sa.String(length).with_variant(on_mysql, "mysql", "mariadb").with_variant(on_postgresql, "postgresql")


def upgrade():
    op.create_table(
        "desk_cases",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", text(64), nullable=False, unique=True),
        sa.Column("kind", text(10), nullable=False),
        sa.Column("state", text(10), nullable=False),
        sa.Column("reference", text(250), nullable=False),
        sa.Column("category", text(100), nullable=False),
        sa.Column("gender", text(10)),
        sa.Column("slot", text(20)),
        sa.Column("skus", sa.JSON, nullable=False),
        sa.Column("answer", text(10), nullable=False),
        sa.Column("p_yes", sa.Float),
        sa.Column("model", text(200), nullable=False),
        sa.Column("is_contested", sa.Integer, nullable=False),
        sa.Column("complaints", sa.Integer, nullable=False),
        sa.Column("praise", sa.Integer, nullable=False),
        sa.Column("times_seen", sa.Integer, nullable=False),
        sa.Column("answer_id", text(32), nullable=False),
        sa.Column("crop", text(64)),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("decision_id", sa.Integer),
        sa.Index("desk_cases_by_state", "state", "is_contested", "id"),
        sa.Index("desk_cases_by_reference", "reference"),
        sa.Index("desk_cases_by_decision", "decision_id"),
    )
    op.create_table(
        "desk_crops",
        sa.Column("digest", text(64), primary_key=True),
        sa.Column("jpeg", sa.LargeBinary(60_000), nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Index("desk_crops_by_until", "until"),
    )
    op.create_table(
        "desk_decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("desk_cases.id"), nullable=False),
        sa.Column("batch", text(32), nullable=False),
        sa.Column("act", text(10), nullable=False),
        sa.Column("who", text(100), nullable=False),
        sa.Column("key_id", text(8)),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reason", text(30)),
        sa.Column("words", text(2_000), nullable=False),
        sa.Column("sku", text(120)),
        sa.Column("instead", text(120)),
        sa.Column("undoes", sa.Integer, unique=True),
        sa.Column("rules", sa.JSON, nullable=False),
        sa.Index("desk_decisions_by_batch", "batch"),
        sa.Index("desk_decisions_by_case", "case_id"),
    )
    op.create_table(
        "desk_feedback",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("desk_cases.id"), nullable=False),
        sa.Column("rating", text(4), nullable=False),
        sa.Column("words", text(2_000), nullable=False),
        sa.Column("key_id", text(8)),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Index("desk_feedback_by_case", "case_id"),
    )
    op.create_table(
        "desk_profiles",
        sa.Column("name", text(60), primary_key=True),
        sa.Column("knobs", sa.JSON, nullable=False),
        sa.Column("effect", sa.JSON, nullable=False),
        sa.Column("who", text(100), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
