"""Write `conformance/amounts.json`: numbers as text that every language has to read alike, or refuse alike.

`good` are JSON numbers that must arrive digit by digit, `bad` are texts that must be refused where an amount stands.
The file is made by seed, so it only changes with this program; a test compares the two.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

MAX = 2**53 - 1
COUNT = 10_000
FILE = Path(__file__).parents[1] / "conformance" / "amounts.json"


def good() -> list[str]:
    """Whole numbers of every size within ±(2^53 − 1), the edges first."""
    chosen = random.Random(53)
    edges = [0, 1, -1, MAX, -MAX, MAX - 1, 1 - MAX, 2**31, -(2**31), 2**32, 10**15, 999_999_999_999_999]
    sizes = (chosen.getrandbits(chosen.randint(1, 53)) * chosen.choice((1, -1)) for _ in range(COUNT))
    return [str(number) for number in [*edges, *sizes]][:COUNT]


def bad() -> list[str]:
    """What is no exact whole number in range: too large, fractions, exponents, other types, other digits."""
    chosen = random.Random(63)
    edges = [
        str(MAX + 1), str(-MAX - 1), str(MAX + 2), str(2**63 - 1), str(2**63), str(-(2**63)), str(2**64), "9" * 40,
        "0.5", "1.5", "-0.1", "1e400", "1.0000000000000002", "true", "false", "null", '"5"', "[5]", "{}",
        "NaN", "Infinity", "-Infinity", "٥", "٣٤", "0x10", "01", "+1", "1_000", "1,000", "",
    ]  # fmt: skip
    sizes = (chosen.randint(MAX + 1, 2**80) * chosen.choice((1, -1)) for _ in range(COUNT))
    return [*edges, *(str(number) for number in sizes)][:COUNT]


def text() -> str:
    """The whole file."""
    about = (
        "Amounts as JSON text. Each of `good` arrives digit by digit, in Python and in TypeScript; "
        "each of `bad` is refused."
    )
    return json.dumps({"about": about, "good": good(), "bad": bad()}, ensure_ascii=False, indent=0) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
