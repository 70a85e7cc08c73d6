"""Settings stop the start by name, never show a secret, and are all explained."""

import re
from pathlib import Path

import pytest

from livecredits.config import ENV_PREFIX, Settings
from livecredits.errors import StartRefused
from livecredits.proxies import normalise_origin

ROOT = Path(__file__).parents[2]
CANARY = "canary-7f3e-do-not-print"


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    documented = set(re.findall(rf"\| `({ENV_PREFIX}[A-Z_]+)` \|", page))
    assert documented == {ENV_PREFIX + name.upper() for name in Settings.model_fields}


def test_documented_defaults_are_the_real_ones() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    told = dict(re.findall(rf"\| `{ENV_PREFIX}([A-Z_]+)` \| (\S+) \|", page))
    for name, field in Settings.model_fields.items():
        default = field.default
        words = (
            "none" if default in {None, ()} else f"`{str(default).lower() if default is False else default}`"
        )
        assert told[name.upper()] == words, name


def test_production_names_the_missing_secret() -> None:
    with pytest.raises(StartRefused, match="LIVECREDITS_SECRET: secret is missing"):
        Settings.load(mode="production")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret", CANARY),
        ("jwks_url", f"http://{CANARY}/keys"),
        ("allowed_origins", f"https://{CANARY}/path"),
        ("allowed_origins", "*"),
        ("trusted_proxies", CANARY),
        ("heartbeat_s", CANARY),
        ("database_uri", CANARY),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(StartRefused) as caught:
        Settings.load(**{name: value})
    assert ENV_PREFIX + name.upper() in str(caught.value)
    assert value not in str(caught.value)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVECREDITS_ALLOWED_ORIGINS", "https://Shop.example:443, http://localhost:5173")
    assert Settings.load().allowed_origins == ("https://shop.example", "http://localhost:5173")


def test_repr_hides_credentials() -> None:
    settings = Settings.load(secret=CANARY * 2, database_url=f"postgresql://u:{CANARY}@h/d")
    assert CANARY not in repr(settings) + str(settings)


def test_derived_keys_differ_by_purpose_and_agree_between_processes() -> None:
    one, two = Settings.load(secret="s" * 32), Settings.load(secret="s" * 32)
    assert one.derived_key("screen") == two.derived_key("screen") != one.derived_key("operator")


def test_a_made_up_secret_differs_between_processes() -> None:
    assert Settings.load().derived_key("screen") != Settings.load().derived_key("screen")


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://a.example", "https://a.example"),
        ("HTTPS://A.example:443", "https://a.example"),
        ("http://a.example:8080", "http://a.example:8080"),
        ("http://[::1]:80", "http://[::1]"),
        ("null", None),
        ("", None),
        ("https://", None),
        ("https://a.example/", None),
        ("https://a.example?", None),
        ("https://u@a.example", None),
        ("https://a.example:x", None),
        ("ftp://a.example", None),
    ],
)
def test_origins_have_one_spelling(text: str, origin: str | None) -> None:
    assert normalise_origin(text) == origin
