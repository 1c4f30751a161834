"""Settings: read once from the environment and `.env`, typed, frozen. Nothing else reads the environment."""

import json
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import Misconfigured, Unavailable

SAMPLE_SECRET = "change-me"  # noqa: S105 - the value that .env.example shows and that production refuses
LOCAL_EMBEDDING_MODEL = "wordllama-256"
LOCAL_SUMMARY_MODEL = "extractive"
Network = IPv4Network | IPv6Network


class Settings(BaseSettings):
    """Every setting; `.env.example` explains each in a line."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    app_env: Literal["dev", "prod"] = "dev"
    app_secret: SecretStr = SecretStr("")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    site_address: str = ""
    forwarded_allow_ips: str = "127.0.0.1"
    sso_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    sso_header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")] = "X-Forwarded-User"
    sso_new_role: Literal["viewer", "operator"] | None = None
    database_url: SecretStr | None = None
    admin_database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    data_dir: Annotated[Path, Field(alias="SIGNALIST_DATA_DIR"), NoDecode] = Path("var")
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    anthropic_api_key: SecretStr | None = None
    embedding_model: str = ""
    summary_model: str = ""
    crawler_allow_private: bool = False
    require_second_approver: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "console"
    log_file: Path | None = None

    @field_validator("site_address")
    @classmethod
    def _are_names(cls, given: str) -> str:
        try:
            _names(given)
        except ValueError:
            raise ValueError("write the name under which the dashboard is reached, as signalist.example.org") from None
        return given

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _are_proxies(cls, given: str) -> str:
        if given.strip() != "*":
            _networks(given)
        return given

    @field_validator("sso_proxies", mode="before")
    @classmethod
    def _are_proxies_of_ours(cls, given: object) -> object:
        found = _networks(given) if isinstance(given, str) else given
        if isinstance(found, tuple) and any(network.prefixlen == 0 for network in found):
            raise ValueError("that is everyone's address, and whoever reaches the port could be anybody")
        return found

    @model_validator(mode="after")
    def _prod_needs_a_secret(self) -> Self:
        if self.app_env == "prod" and self.app_secret.get_secret_value() in {"", SAMPLE_SECRET}:
            raise ValueError(
                "APP_SECRET is missing or still the sample one: with APP_ENV=prod, set it to a long random text"
            )
        return self

    @model_validator(mode="after")
    def _the_owner_needs_an_application(self) -> Self:
        if self.admin_database_url and not self.database_url:
            raise ValueError("ADMIN_DATABASE_URL is the same database for its owner: set DATABASE_URL as well")
        return self

    @property
    def site_names(self) -> tuple[str, ...]:
        """The names under which the dashboard is reached, of which `*` may be a part; none: whatever leads to it."""
        names = _names(self.site_address)
        return names if all(names) else ()

    @property
    def active_embedding_model(self) -> str:
        """The model that new embeddings and every search use."""
        default = "text-embedding-3-small" if self.openai_api_key else LOCAL_EMBEDDING_MODEL
        return self.embedding_model or default

    @property
    def active_summary_model(self) -> str:
        """The model that writes summaries: OpenAI's if it has a key, else Anthropic's, else the offline one."""
        if self.summary_model:
            return self.summary_model
        if self.openai_api_key:
            return "gpt-4.1-mini"
        return "claude-haiku-4-5" if self.anthropic_api_key else LOCAL_SUMMARY_MODEL

    def database(self) -> str:
        """The address of Postgres: DATABASE_URL, else the embedded server that runs on this data dir."""
        return self._address(self.database_url, "DATABASE_URL", "Postgres")

    def admin_database(self) -> str:
        """The address of the same database for the role that owns its schema: ADMIN_DATABASE_URL, else `database()`."""
        given = self.admin_database_url
        return self.database() if given is None else given.get_secret_value()

    def redis(self) -> str:
        """The address of Redis: REDIS_URL, else the embedded server that runs on this data dir."""
        return self._address(self.redis_url, "REDIS_URL", "Redis")

    def _address(self, given: SecretStr | None, name: str, server: str) -> str:
        if given is not None:
            return given.get_secret_value()
        try:
            found = json.loads(self.servers_file.read_text())[name]
        except (OSError, KeyError, ValueError):
            raise Unavailable(
                f"{server} cannot be reached: {name} is not set and no embedded server runs in {self.data_dir}. "
                "Start one with `signalist up`."
            ) from None
        return str(found)

    @property
    def servers_file(self) -> Path:
        """Where `signalist up` writes the addresses of the servers that it embeds, while they run."""
        return self.data_dir / "servers.json"


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises Misconfigured with one sentence that names each wrong setting.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise Misconfigured("; ".join(_sentence(e["loc"], e["msg"]) for e in error.errors())) from None


def _names(given: str) -> tuple[str, ...]:
    """`https://a.example:8443, *.b.example`, as Caddy takes it, without what is no name; empty for `:443`."""
    parts = given.replace(",", " ").split()
    return tuple(urlsplit(part if "://" in part else f"//{part}").hostname or "" for part in parts)


def _networks(given: str) -> tuple[Network, ...]:
    """`10.0.0.5, 10.1.0.0/16`. Raises ValueError with a sentence."""
    try:
        return tuple(ip_network(part.strip()) for part in given.split(","))
    except ValueError:
        raise ValueError(
            "write addresses, as 10.0.0.5, or networks, as 10.1.0.0/16, with commas between them"
        ) from None


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{str(place[0]).upper()}: {text}" if place else text
