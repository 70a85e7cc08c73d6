"""Every setting of a livecredits process, from `LIVECREDITS_*` variables or keyword arguments.

This promises that a wrong value stops the start with the variable's name and never with its content: the secret and
the database address may hold credentials. It knows nothing of HTTP, storage or the live part; they read it.
In development mode a missing secret is made up for the life of the process (tokens then end with it); production
refuses to start without one. Each setting is explained in docs/reference/settings.md; a test holds the two together.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from livecredits.errors import StartRefused
from livecredits.proxies import normalise_origin, parse_networks

ENV_PREFIX = "LIVECREDITS_"
COMMANDS_OWN = frozenset({"LIVECREDITS_URL", "LIVECREDITS_KEY"})
"""By these the commands find a running server; the server itself has no use for them."""
SECRET_LENGTH_MIN = 32
REREAD_S, REREAD_ALONE_S = 60, 300

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
"""Several values in one variable, separated by commas or spaces."""


class Settings(BaseSettings):
    """The settings of one process; immutable once made.

    Raises:
        pydantic.ValidationError: a value is out of its range (`load` turns it into `StartRefused`).
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database_url: str = Field(
        default="sqlite:///livecredits.db",
        repr=False,
        description="Where the ledger lives (may hold a password).",
    )
    bus: Literal["memory", "postgres"] | None = Field(
        default=None,
        description="How nodes hear of each other: `postgres` with PostgreSQL, `memory` (one process) with SQLite.",
    )
    listen_url: str | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL directly, where `database_url` leads through a pooler (may hold a password).",
    )
    node_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="What operators see of this node; the host's name by default.",
    )
    mode: Literal["development", "production"] = Field(
        default="development",
        description="Production refuses to start on missing secrets and on plain-http sign-in.",
    )
    secret: SecretStr | None = Field(
        default=None, description="Root of all signatures; at least 32 characters."
    )
    allowed_origins: CommaSeparated = Field(
        default=(),
        description="Other web origins whose pages may call user routes, live and the console API.",
    )
    trusted_proxies: CommaSeparated = Field(
        default=(), description="Networks whose X-Forwarded-* headers are believed."
    )

    token_issuer: str = Field(
        default="livecredits", min_length=1, description="`iss` of our own screen tokens."
    )
    token_audience: str = Field(
        default="livecredits", min_length=1, description="`aud` of our own screen tokens."
    )
    jwks_url: str | None = Field(
        default=None, description="Key set of the host's identity provider; https only."
    )
    jwks_issuer: str | None = Field(default=None, description="`iss` that its tokens must carry.")
    jwks_audience: str | None = Field(default=None, description="`aud` that its tokens must carry.")
    jwks_algorithm: Literal["RS256", "ES256"] = Field(
        default="RS256", description="The one algorithm it signs with."
    )
    jwks_refetch_s: int = Field(
        default=60, ge=1, le=86_400, description="Least seconds between two fetches of the key set."
    )
    session_ttl_s: int = Field(
        default=43_200, ge=60, le=2_592_000, description="How long an operator stays signed in (12 hours)."
    )

    heartbeat_s: int = Field(
        default=20, ge=1, le=300, description="Seconds between two ticks on a live screen."
    )
    reread_s: int | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="Each connected account is read again this often (60 s; 300 s where there is one process).",
    )
    drain_s: int = Field(
        default=20,
        ge=0,
        le=300,
        description="So long may a node that stops take to send its screens to the others.",
    )
    screens_per_user: int = Field(default=50, ge=1, description="Open screens of one user on this process.")
    screens_per_address: int = Field(default=1_000, ge=1, description="Open screens from one client address.")
    handshakes_per_s: int = Field(default=1_000, ge=1, description="New live connections a second.")

    body_bytes_max: int = Field(default=65_536, ge=1_024, le=16_777_216, description="Largest request body.")
    sign_in_attempts: int = Field(
        default=10,
        ge=1,
        description="Sign-in attempts per window from one address.",
    )
    sign_in_window_s: int = Field(
        default=300, ge=1, le=86_400, description="The window of `sign_in_attempts`."
    )
    requests_per_s_user: int = Field(
        default=20, ge=1, description="Requests a second of one user (burst: ×5)."
    )
    requests_per_s_operator: int = Field(
        default=50, ge=1, description="Requests a second of one operator (burst: ×5)."
    )
    requests_per_s_service: int = Field(
        default=20_000, ge=1, description="Requests a second of one key (burst: ×5)."
    )
    refusals_per_s_address: int = Field(
        default=10,
        ge=1,
        description="Requests a second without a good credential from one address (burst: ×5).",
    )

    require_reason: bool = Field(
        default=False, description="Whether changes by operators must carry a reason."
    )
    metrics_open: bool = Field(
        default=False, description="Whether /metrics answers without a key of scope `read`."
    )

    _made_up_secret: bytes = PrivateAttr(default_factory=lambda: secrets.token_bytes(32))

    @field_validator("allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _normalise_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        normal = tuple(normalise_origin(origin) for origin in origins)
        if None in normal:
            raise ValueError("an origin reads https://host or https://host:port, with nothing after it")
        return tuple(origin for origin in normal if origin)

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parse_networks(networks)
        except ValueError:
            raise ValueError("a network reads 10.0.0.0/8, or is one address") from None
        return networks

    @field_validator("secret")
    @classmethod
    def _check_length(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < SECRET_LENGTH_MIN:
            raise ValueError(
                f"it needs at least {SECRET_LENGTH_MIN} characters: `openssl rand -base64 48` makes one"
            )
        return secret

    @field_validator("jwks_url")
    @classmethod
    def _check_https(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme != "https" or not urlsplit(url).hostname):
            raise ValueError("only https addresses are fetched")
        return url

    @model_validator(mode="after")
    def _check_together(self) -> Settings:
        if self.bus == "postgres" and self.is_one_process:
            raise ValueError("bus is postgres and the database is a file, which has one process")
        if self.jwks_url and not (self.jwks_issuer and self.jwks_audience):
            raise ValueError(
                "jwks_url needs jwks_issuer and jwks_audience, or any token of that provider would do"
            )
        if self.mode == "production" and self.secret is None:
            raise ValueError("secret is missing and mode is production")
        return self

    @property
    def is_one_process(self) -> bool:
        """Whether the ledger is a file, which one process owns."""
        return self.database_url.startswith("sqlite:")

    @property
    def reread_period_s(self) -> int:
        """Every connected account is read again about this often."""
        return self.reread_s or (REREAD_ALONE_S if self.is_one_process else REREAD_S)

    @classmethod
    def unknown(cls, environment: Iterable[str]) -> dict[str, str | None]:
        """Variables that look like settings and are none, each with the known name that is nearest, if one is near.

        Args:
            environment: names of variables, such as `os.environ`.
        """
        known = {ENV_PREFIX + name.upper() for name in cls.model_fields} | COMMANDS_OWN
        strange = sorted(
            name for name in environment if name.upper().startswith(ENV_PREFIX) and name.upper() not in known
        )
        near = {name: get_close_matches(name.upper(), known, n=1, cutoff=0.7) for name in strange}
        return {name: found[0] if found else None for name, found in near.items()}

    @classmethod
    def load(cls, **values: Any) -> Settings:
        """The settings of this environment, with `values` over them.

        Raises:
            StartRefused: a setting is missing or wrong; the sentence names its variable, never its value.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise StartRefused(_sentence(error)) from None

    @property
    def shared_secret(self) -> str:
        """The secret for processes that this one starts: what is set, or what was made up."""
        return self.secret.get_secret_value() if self.secret else self._made_up_secret.hex()

    def derived_key(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, so that no two uses share a key (HMAC-SHA256 as in RFC 5869, expand)."""
        root = self.secret.get_secret_value().encode() if self.secret else self._made_up_secret
        return hmac.digest(
            hashlib.sha256(root).digest(), b"livecredits:" + purpose.encode() + b"\x01", "sha256"
        )


def _sentence(error: ValidationError) -> str:
    told = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        message = problem["msg"].removeprefix("Value error, ")
        name = ENV_PREFIX + str(problem["loc"][0]).upper() if problem["loc"] else _named_in(message)
        told.append(f"{name}: {message}")
    return "Wrong settings. " + "; ".join(told)


def _named_in(message: str) -> str:
    return ENV_PREFIX + message.split(" ", 1)[0].upper()
