"""One query, one function, one frozen value. SQL stands here, in core/models and in alembic/versions only."""
