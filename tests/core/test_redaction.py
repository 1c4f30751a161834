"""What is blacked out of a text, and what is left for whoever reads it."""

import pytest

from core import redaction
from core.config import Settings
from core.errors import BadRequest
from core.redaction import REDACTED, redact, redacted

LEAKS = [
    "postgresql://u:S3cret-S3cret@host/db",
    "postgresql://u:S3cret@S3cret@host/db",
    "redis://:S3cret-S3cret@host:6379/0",
    "https://me:S3cret-S3cret@example.org/feed",
    "https://S3cret-S3cret@example.org/feed",
    "https://S3cret-S3cret:x-oauth-basic@example.org/feed",
    "postgresql:///db?host=/run&password=S3cret-S3cret",
    "https://example.org/feed?token=S3cret-S3cret&x=1",
    "https://example.org/feed?x=1&key=S3cret-S3cret",
    "host=a password=S3cret-S3cret dbname=b",
    "host=a password='S3cret S3cret' dbname=b",
    "PGPASSWORD=S3cret-S3cret psql",
    "OPENAI_API_KEY=S3cret-S3cret",
    "aws_secret_access_key = S3cret/S3cret",
    "alter role app password 'S3cret-S3cret'",
    '{"password": "S3cret-S3cret"}',
    "{'api_key': 'S3cret-S3cret', 'x': 1}",
    '{"client_secret":"S3cret\\"S3cret"}',
    "Login(name='otto', password='S3cret-S3cret')",
    "Authorization: Bearer S3cret-S3cret",
    "Authorization: Basic UzNjcmV0LVMzY3JldA== S3cret",
    "{'Authorization': 'Bearer S3cret-S3cret'}",
    "authorization: token S3cret-S3cret",
    "Cookie: a=b; session=S3cret-S3cret",
    "x-api-key: S3cret-S3cret",
    "it said bearer S3cret-S3cret",
    "signalist_S3cretS3cretS3cretS3cret",
    "Incorrect API key provided: sk-S3cretS3cret",
    "sk-proj-S3cret_S3cret",
    "sk-ant-api03-S3cret-S3cret",
    "AKIAS3CRETS3CRETS3CR",
    "ghp_S3cretS3cretS3cretS3cretS3cretS3cre",
    "github_pat_S3cretS3cretS3cret_S3cret",
    "glpat-S3cretS3cretS3cret",
    "xoxb-S3cret-S3cret",
    "AIzaS3cretS3cretS3cretS3cretS3cretS3cretS",
    "hf_S3cretS3cretS3cretS3cret",
    "sk_live_S3cretS3cretS3cret",
    "eyJhbGciOiJIUzI1NiJ9.S3cretS3cretS3cret.S3cret",
    "-----BEGIN RSA PRIVATE KEY-----\nS3cret\nS3cret\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nS3cret\nS3cret",
]
HARMLESS = [
    "",
    "429 requests per minute exceeded.",
    "https://example.org/feed?x=1",
    "postgresql://signalist@/signalist?host=/run",
    "generate_embeddings:2cd9d573-6cc4-42d9-a5cf-000000000000",
    "2026-05-17T10:00:00+00:00",
    "max_tokens=100",
    "body.password: String should have at least 15 characters",
    "To manage tokens you need the role admin; otto is operator.",
    "That token is unknown, has expired or was revoked.",
    "create index concurrently idx on article_embeddings using hnsw (embedding vector_cosine_ops) with (m = 16)",
    "risk-assessment, basic facts, bearer of news",
    "someone@example.org",
]


@pytest.mark.parametrize("text", LEAKS)
def test_a_secret_is_recognised_by_its_shape(text: str) -> None:
    shown = redact(f"It failed: {text}")
    assert "s3cret" not in shown.lower()
    assert REDACTED in shown
    assert shown.startswith("It failed: ")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_is_left_to_the_reader(text: str) -> None:
    assert redact(text) == text


def test_what_this_process_guards_is_recognised_by_its_value() -> None:
    settings = Settings(
        _env_file=None,
        APP_SECRET="the words of nobody else",
        DATABASE_URL="postgresql://u:p%40ss-word@host/db",
        OPENAI_API_KEY="gateway/1234",
    )
    redaction.learn(settings)
    try:
        shown = redact("the words of nobody else, p@ss-word, p%40ss-word, gateway/1234")
        assert shown == ", ".join([REDACTED] * 4)
    finally:
        redaction.learn(Settings(_env_file=None))


def test_no_error_of_ours_repeats_a_secret() -> None:
    assert str(BadRequest("There is no queue 'sk-S3cretS3cret'.")) == f"There is no queue '{REDACTED}'."


def test_a_value_is_searched_all_the_way_down() -> None:
    value = {"a": ["x", ("sk-S3cretS3cret", 1)], "token": "S3cret", "sk-S3cretS3cret": None, "tokens": 12}
    assert redacted(value) == {"a": ["x", [REDACTED, 1]], "token": REDACTED, REDACTED: None, "tokens": 12}


def test_a_password_that_is_the_name_beside_it_blacks_out_no_ordinary_word() -> None:
    redaction.learn(Settings(_env_file=None, DATABASE_URL="postgresql://signalist:signalist@db/signalist"))
    try:
        assert redaction.redact("Run `signalist db upgrade`.") == "Run `signalist db upgrade`."
        assert "signalist:signalist" not in redaction.redact("postgresql://signalist:signalist@db/signalist")
    finally:
        redaction.learn(Settings(_env_file=None))
