"""What Alembic runs for each command: on the connection it was handed, inside that connection's transaction."""

from alembic import context

from shared.store.partner_tables import every_table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=every_table,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
