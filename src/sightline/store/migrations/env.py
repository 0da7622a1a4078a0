"""Alembic's entry: runs migrations on the connection that `Database.migrate` hands over; merely imported, it does nothing."""

from alembic import context

from sightline.store.tables import Base

if hasattr(context, "config"):
    context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
