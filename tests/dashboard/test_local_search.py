"""The socket over which `signalist search` asks a dashboard of the same account."""

import asyncio
import stat
from pathlib import Path

import pytest

from core.config import Settings
from dashboard.local_search import answering, ask


async def found(words: str, limit: int) -> bytes:
    return b'[{"title": "%s %d"}]' % (words.encode(), limit)


async def silent(_words: str, _limit: int) -> bytes:
    raise AssertionError("nobody may be asked")


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, SIGNALIST_DATA_DIR=tmp_path, database_url="postgresql://somewhere/signalist")


async def test_only_our_own_account_is_answered_and_only_about_the_same_database(chosen: Settings) -> None:
    async with answering(chosen, found):
        assert await asyncio.to_thread(ask, chosen, "soup", 3) == [{"title": "soup 3"}]
        (path,) = chosen.data_dir.glob("*.sock")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        elsewhere = chosen.model_copy(update={"embedding_model": "another"})
        assert await asyncio.to_thread(ask, elsewhere, "soup", 3) is None
    assert await asyncio.to_thread(ask, chosen, "soup", 3) is None
    assert not path.exists()


async def test_garbage_is_not_answered_and_a_second_dashboard_leaves_the_first_its_socket(chosen: Settings) -> None:
    async with answering(chosen, found):
        (path,) = chosen.data_dir.glob("*.sock")
        for garbage in (b"\n", b"[]\n", b'{"settings": 1}\n', b"x" * 100_000 + b"\n"):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(garbage)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        async with answering(chosen, silent):
            assert await asyncio.to_thread(ask, chosen, "soup", 1) == [{"title": "soup 1"}]
        assert await asyncio.to_thread(ask, chosen, "soup", 2) == [{"title": "soup 2"}]


async def test_where_no_socket_can_be_made_nobody_is_answered_and_all_goes_on(tmp_path: Path) -> None:
    chosen = Settings(_env_file=None, SIGNALIST_DATA_DIR=tmp_path / ("x" * 150), database_url="postgresql://somewhere/")
    async with answering(chosen, silent):
        assert await asyncio.to_thread(ask, chosen, "soup", 1) is None
