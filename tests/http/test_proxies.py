"""Forwarded headers are believed exactly as far as trusted hops vouch for them."""

import pytest

from livecredits.proxies import Origin, limit_key, parse_networks, seen_through

TRUSTED = parse_networks(["10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "1.1.1.1", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.2.3.4", "1.1.1.1"),
        ("10.0.0.1", "10.9.9.9, 10.2.3.4", "10.9.9.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        (None, "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "1.1.1.1, garbage", "garbage"),
    ],
)
def test_client_address(peer: str | None, forwarded: str, client: str) -> None:
    assert seen_through(TRUSTED, peer, "http", {"x-forwarded-for": forwarded}).address == client


def test_scheme_and_host_come_from_trusted_proxies_alone() -> None:
    headers = {"host": "inner:80", "x-forwarded-proto": "https", "x-forwarded-host": "shop.example"}
    assert seen_through(TRUSTED, "10.0.0.1", "http", headers) == Origin("10.0.0.1", "https", "shop.example")
    assert seen_through(TRUSTED, "8.8.8.8", "ws", headers) == Origin("8.8.8.8", "http", "inner:80")
    assert seen_through((), "10.0.0.1", "http", headers) == Origin("10.0.0.1", "http", "inner:80")


def test_one_ipv6_client_cannot_be_many() -> None:
    assert limit_key("2001:db8:1:2::1") == limit_key("2001:db8:1:2:ffff::9")
    assert limit_key("2001:db8:1:2::1") != limit_key("2001:db8:1:3::1")
    assert limit_key("::ffff:1.2.3.4") == limit_key("1.2.3.4") == "1.2.3.4"
    assert limit_key(None) == "local"
