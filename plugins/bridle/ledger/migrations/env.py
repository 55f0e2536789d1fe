"""Alembic's entry: runs on the connection that `bridle.ledger.migrate` hands over."""

from alembic import context

from bridle.ledger.schema import SCHEMA, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
)
with context.begin_transaction():
    context.run_migrations()
