"""The schema goes up, down and up again, and matches the models."""

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from core import migrations
from core.db import with_driver


def test_every_revision_goes_down_and_up_again(database_url: str) -> None:
    assert migrations.status(database_url).is_current
    assert migrations.downgrade(database_url, "base").current is None
    assert migrations.upgrade(database_url).is_current


def test_the_models_say_what_the_migrations_build(database_url: str) -> None:
    engine = create_engine(with_driver(database_url))
    config = Config()
    config.set_main_option("script_location", str(migrations.SCRIPTS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.check(config)
    engine.dispose()
