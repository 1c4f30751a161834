"""Runs the revisions: on the connection that was handed over, else on one from the settings."""

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from core.config import settings
from core.db import connect_args, with_driver
from core.models import Base


def run(connection: Connection) -> None:
    # A transaction a revision: what went through before a failure stays, and is reported as such.
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_offline() -> None:
    context.configure(
        dialect_name="postgresql",
        target_metadata=Base.metadata,
        literal_binds=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    run_offline()
elif given is not None:
    run(given)
else:
    engine = create_engine(
        with_driver(settings().admin_database()), poolclass=pool.NullPool, connect_args=connect_args("alembic", 600)
    )
    with engine.connect() as fresh:
        run(fresh)
