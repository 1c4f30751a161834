"""The database of the embedded Postgres, and the plain role that owns it."""

import psycopg

NAME = "signalist"


def ensure(template: psycopg.Connection) -> None:
    """Makes the role and the database if they are missing.

    `template` is a superuser's autocommit connection to template1: what is installed there is in every new database, so
    that their owner, who may not install pgvector, finds it.
    """
    template.execute("create extension if not exists vector")
    if template.execute("select 1 from pg_roles where rolname = %s", (NAME,)).fetchone() is None:
        # pg_monitor: what a dashboard shows of a server is more than an ordinary role may read.
        template.execute(f"create role {NAME} login in role pg_monitor")
    if template.execute("select 1 from pg_database where datname = %s", (NAME,)).fetchone() is None:
        template.execute(f"create database {NAME} owner {NAME}")


def update_pgvector(admin: psycopg.Connection) -> None:
    """Brings pgvector in the superuser's database `admin` to the version that the server carries."""
    admin.execute("alter extension vector update")
