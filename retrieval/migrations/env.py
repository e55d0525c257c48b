"""What alembic runs: the migrations, on the connection that the program hands over."""

from alembic import context
from alembic.ddl.mysql import MySQLImpl
from sqlalchemy import inspect
from sqlalchemy.schema import CreateIndex, CreateTable

from retrieval.tables import metadata


class ResumableMySQL(MySQLImpl):
    """MySQL and MariaDB commit every statement that changes a table by itself, so a migration that was killed has left
    a part of its work. Run again, it goes over what is there already."""

    __dialect__ = "mysql"

    def create_table(self, table, **options):
        if self.as_sql or not inspect(self.connection).has_table(table.name):
            self._exec(CreateTable(table, **options))
        for index in table.indexes:
            self.create_index(index)

    def create_index(self, index, **options):
        there = set() if self.as_sql else {each["name"] for each in inspect(self.connection).get_indexes(index.table.name)}
        if index.name not in there:
            self._exec(CreateIndex(index, **options))

    def add_column(self, table_name, column, **options):
        there = set() if self.as_sql else {each["name"] for each in inspect(self.connection).get_columns(table_name)}
        if column.name not in there:
            super().add_column(table_name, column, **options)


class ResumableMariaDB(ResumableMySQL):
    __dialect__ = "mariadb"


context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
