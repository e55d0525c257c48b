"""What several app processes share: conversations, visitors' files, verdicts.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0006"
down_revision = "0004"


def text(length):
    on_mysql = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    on_postgresql = postgresql.VARCHAR(length, collation="C")
    return sa.String(length).with_variant(on_mysql, "mysql", "mariadb").with_variant(on_postgresql, "postgresql")


def blob():
    return sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def upgrade():
    op.create_table(
        "shared_visits",
        sa.Column("session", text(64), primary_key=True),
        sa.Column("data", blob(), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Index("shared_visits_by_until", "until"),
    )
    op.create_table(
        "shared_files",
        sa.Column("name", text(32), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True),
        sa.Column("kind", text(100), nullable=False),
        sa.Column("filename", text(200), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("data", blob(), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Index("shared_files_by_until", "until"),
    )
    op.create_table(
        "shared_verdicts",
        sa.Column("key", text(64), primary_key=True),
        sa.Column("answer", text(10), nullable=False),
        sa.Column("p_yes", sa.Double),
        sa.Column("reason", text(2_000), nullable=False),
        sa.Column("model", text(200), nullable=False),
        sa.Column("checksum", text(32), nullable=False),
    )
