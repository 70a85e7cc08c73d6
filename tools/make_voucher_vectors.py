"""Write `conformance/vouchers.json`: voucher codes as people type them, which every language has to read alike.

`good` are `[typed, symbols]`: what was typed and what is looked up. `wrong` have a typing error that the check symbol
finds, `lost` are codes that have lost one symbol and now look like words; only the service knows that nobody chose
such a word. `foreign` can be no code at all. The file is made by seed from `core/vouchers.py`, so it only changes with
that and with this program; a test compares the two.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from livecredits.core import vouchers

FILE = Path(__file__).parents[1] / "conformance" / "vouchers.json"
PREFIXES = ("", "", "SUMMER", "LUX", "A", "B2B", "WILLKOMMEN26")
COUNT = 60

_chosen = random.Random(1032)


def _codes() -> list[str]:
    return [
        vouchers.spelled(_chosen.randbytes(vouchers.CODE_BYTES), PREFIXES[at % len(PREFIXES)])
        for at in range(COUNT)
    ]


def _typed(code: str) -> list[str]:
    """The same code as people write it."""
    alike = str.maketrans("01V", "OIU")
    spaced = code.replace("-", " ")
    return [
        code,
        code.lower(),
        spaced,
        f"  {code}\t",
        code.replace("-", ""),
        code.translate(alike),
        code.lower().replace("1", "l"),
        code.replace("-", "\u2013"),
        spaced.replace(" ", "\u00a0"),
        f"\ufeff\u201e{code}\u201c\r\n",
        code.replace("-", "\u2212"),
        spaced.replace(" ", "\u202f\u200b"),
    ]


def good(codes: list[str]) -> list[list[str]]:
    """Generated codes and chosen words, each in several spellings."""
    words = ["WELCOME10", "welcome 10", "ABCD", "TEAM-2026", "loyal", "ABCDEFGHJKMNPQR", "1"]
    typed = [way for code in codes for way in _typed(code)] + words
    return [[text, _read(text)] for text in typed]


def _read(text: str) -> str:
    symbols = vouchers.read_code(text)
    if symbols is None:
        raise ValueError(f"{text!r} is no code")
    return symbols


def wrong(codes: list[str]) -> list[str]:
    """Every code with one wrong symbol, with two that changed places, and with one too few or too many."""
    spoiled = []
    for code in codes:
        symbols = code.replace("-", "")
        at = _chosen.randrange(len(symbols))
        value = _known(symbols[at])
        other = vouchers.ALPHABET[(value + _chosen.randrange(1, 32)) % 32]
        spoiled.append(symbols[:at] + other + symbols[at + 1 :])
        first, second = sorted(_chosen.sample(range(len(symbols)), 2))
        if _known(symbols[first]) != _known(symbols[second]):
            swapped = list(symbols)
            swapped[first], swapped[second] = symbols[second], symbols[first]
            spoiled.append("".join(swapped))
        if len(symbols) > vouchers.CODE_SYMBOLS + 1:
            spoiled.append(symbols[:-1])
        spoiled.append(symbols + "7")
    return [text for text in spoiled if not vouchers.has_right_check(vouchers.normalised(text) or "")]


def lost(codes: list[str]) -> list[str]:
    """Codes without a prefix that have lost any one symbol."""
    whole = [code.replace("-", "") for code in codes[: len(PREFIXES)]]
    bare = [code for code in whole if len(code) == vouchers.CODE_SYMBOLS + 1]
    return [code[:at] + code[at + 1 :] for code in bare for at in range(len(code))]


def _known(symbol: str) -> int:
    return vouchers.ALPHABET.index(vouchers.normalised(symbol) or "")


def foreign() -> list[str]:
    """What is no code: nothing at all, symbols that no code has, far too much."""
    return [
        "", " ", "-", "--- ---", "WELCOME!", "CODE_1", "7K2M.9QXA", "\u0660\u0661\u0662\u0663", "7K2M/9QXA",
        "\u00c4BCD", "caf\u00e9", "\U0001f381", "\u0131BCD", "A" * 65, "0" * 64 + "-",
    ]  # fmt: skip


def text() -> str:
    """The whole file."""
    _chosen.seed(1032)
    codes = _codes()
    about = (
        "Voucher codes as they are typed. good: [typed, the symbols that are looked up]. wrong: the check symbol "
        "finds a typing error. lost: a symbol is missing, and only the service can tell it from a word. foreign: this "
        "can be no code. Made by tools/make_voucher_vectors.py."
    )
    vectors = {
        "about": about,
        "good": good(codes),
        "wrong": wrong(codes),
        "lost": lost(codes),
        "foreign": foreign(),
    }
    return json.dumps(vectors, ensure_ascii=True, indent=0) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
