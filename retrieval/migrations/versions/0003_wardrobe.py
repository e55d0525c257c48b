"""What visitors of the shop page keep: garments of their own, and looks that a link opens again.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0003"
down_revision = "0001"


def text(length):
    on_mysql = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    on_postgresql = postgresql.VARCHAR(length, collation="C")
    return sa.String(length).with_variant(on_mysql, "mysql", "mariadb").with_variant(on_postgresql, "postgresql")


def picture_bytes():
    return sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def upgrade():
    op.create_table(
        "wardrobe_garments",
        sa.Column("id", text(22), primary_key=True),
        sa.Column("visitor", text(64), nullable=False),
        sa.Column("title", text(500), nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("palette", sa.JSON, nullable=False),
        sa.Column("picture", picture_bytes(), nullable=False),
        sa.Column("kept_at", sa.DateTime, nullable=False),
        sa.Index("wardrobe_garments_by_visitor", "visitor"),
    )
    op.create_table(
        "saved_looks",
        sa.Column("token", text(22), primary_key=True),
        sa.Column("visitor", text(64), nullable=False),
        sa.Column("title", text(500), nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("picture", picture_bytes()),
        sa.Column("kept_at", sa.DateTime, nullable=False),
        sa.Index("saved_looks_by_visitor", "visitor"),
    )
