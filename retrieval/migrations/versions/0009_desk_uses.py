"""What the shop goes by: a profile of the desk, or the settings.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0009"
down_revision = "0008"


def text(length):
    on_mysql = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    on_postgresql = postgresql.VARCHAR(length, collation="C")
    return sa.String(length).with_variant(on_mysql, "mysql", "mariadb").with_variant(on_postgresql, "postgresql")


def upgrade():
    op.create_table(
        "desk_uses",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", text(60)),
        sa.Column("knobs", sa.JSON(none_as_null=True)),
        sa.Column("who", text(100), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("replaced", sa.Integer),
    )
