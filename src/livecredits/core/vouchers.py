"""Vouchers: how a code is spelled, checked and read back, and who may redeem one.

Promises: a generated code has 80 random bits, and its check symbol finds every single wrong symbol and every two
symbols that changed places; a code is read the same however it is typed (case, dashes, spaces, O for 0, I and L for
1, U for V). `require_redeemable` is the whole rule of redemption, on rows that the caller has locked.
Must not know where random bits come from, nor how a code is stored.

The odd thing is how a chosen word (`WELCOME10`) is told from a generated code: by its length alone. A word has at
most 15 symbols and no check symbol, a generated code has 17 or more. So a client can tell a typing error at once; and
16 symbols are a code that has lost one, where nobody chose a word of 16 while that was allowed.
"""

from __future__ import annotations

import re

from livecredits.core.draft import Refuse
from livecredits.core.rows import Voucher
from livecredits.errors import WrongCheckSymbol

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""32 symbols without those that look like others (I, L, O) and without U (Crockford's Base32)."""
CODE_SYMBOLS = 16
"""Random symbols of a generated code: 16 × 5 = 80 bits."""
CODE_BYTES = 10
WORD_SYMBOLS_LEAST, WORD_SYMBOLS_MOST = 4, CODE_SYMBOLS - 1
PREFIX_SYMBOLS_MOST = 12
TYPED_MOST = 64
"""Characters that are read at all; the longest code has 34 with its dashes."""

_VALUE_OF = {symbol: value for value, symbol in enumerate(ALPHABET)}
_ALIKE = str.maketrans("OILU", "011V")
_BETWEEN = re.compile(
    r"""[\t-\r "'`\-\u00a0\u00ab\u00ad\u00bb\u1680\u2000-\u206f\u2212\u3000\ufe58\ufe63\ufeff\uff0d]"""
)
"""Blanks, line breaks, dashes and quotes of every kind, and what no eye sees: mails and documents add them."""
_PREFIX = re.compile(r"[A-Z0-9]{1,12}")
_SYMBOL = re.compile(r"[^-]")
_WORD = re.compile(r"[A-Z0-9][A-Z0-9-]*")


def normalised(typed: str) -> str | None:
    """What somebody typed, as symbols of the alphabet alone; None where no code can be meant.

    Args:
        typed: in any case, with dashes, blanks or quotes anywhere, with look-alikes of symbols.
    """
    if len(typed) > TYPED_MOST:
        return None
    bare = _BETWEEN.sub("", typed)
    if not bare.isascii():  # or `ı` and `ſ` would become letters
        return None
    symbols = bare.upper().translate(_ALIKE)
    return symbols if symbols and all(symbol in _VALUE_OF for symbol in symbols) else None


def check_symbol(symbols: str) -> str:
    """The symbol to be put behind `symbols`.

    The sum of value × 2^place over GF(32) (x⁵ + x² + 1) is made zero. Every place has another factor for 31 places,
    so one wrong symbol changes the sum, and so do two different ones that changed places.
    """
    return ALPHABET[_times_2(_sum(symbols))]


def has_right_check(symbols: str) -> bool:
    """Whether the last symbol is the check symbol of those before it."""
    return _sum(symbols) == 0


def _sum(symbols: str) -> int:
    total = 0
    for symbol in symbols:
        total = _times_2(total) ^ _VALUE_OF[symbol]
    return total


def _times_2(value: int) -> int:
    """The product with 2 in GF(32): a shift, and what leaves five bits is folded back."""
    doubled = value << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled


def spelled(random_bits: bytes, prefix: str = "") -> str:
    """A generated code as people see it: `SUMMER-7K2M-9QXA-04TZ-HHN3-W`.

    Args:
        random_bits: `CODE_BYTES` random bytes.
        prefix: letters and digits in front, covered by the check symbol.
    """
    number = int.from_bytes(random_bits, "big")
    symbols = "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (CODE_SYMBOLS - 1), -1, -5))
    groups = [symbols[at : at + 4] for at in range(0, CODE_SYMBOLS, 4)]
    check = check_symbol(prefix.translate(_ALIKE) + symbols)
    return "-".join([*([prefix] if prefix else []), *groups, check])


def masked(code: str) -> str:
    """A code as it is shown to whoever may not redeem it: its first two symbols, and dots for the others."""
    return code[:2] + _SYMBOL.sub("•", code[2:])


def is_prefix(text: object) -> bool:
    """Whether a campaign's codes may begin with it: 1–12 capital letters and digits."""
    return isinstance(text, str) and _PREFIX.fullmatch(text) is not None


def is_word(text: object) -> bool:
    """Whether an operator may choose it as a code: capital letters, digits and dashes, 4–15 symbols without these."""
    if not isinstance(text, str) or not _WORD.fullmatch(text):
        return False
    symbols = normalised(text)
    return symbols is not None and WORD_SYMBOLS_LEAST <= len(symbols) <= WORD_SYMBOLS_MOST


def read_code(typed: str, *, has_longer_words: bool = False) -> str | None:
    """The symbols under which a typed code is looked up; None where there can be no such code.

    Args:
        typed: see `normalised`.
        has_longer_words: whether there are words of 16 symbols, from when they were allowed.

    Raises:
        WrongCheckSymbol: 422 `wrong_check_symbol`, a typing error; nothing was looked up.
    """
    symbols = normalised(typed)
    most = CODE_SYMBOLS if has_longer_words else WORD_SYMBOLS_MOST
    if symbols is None or len(symbols) <= most:
        return symbols
    if len(symbols) <= CODE_SYMBOLS or not has_right_check(symbols):
        raise WrongCheckSymbol("The code has a typing error; please check it symbol by symbol.")
    return symbols


# --- who may redeem ------------------------------------------------------------------------------------------------


def require_redeemable(
    voucher: Voucher, user_id: str, now_us: int, *, redeemed: int, is_allowed: bool
) -> None:
    """Refuse unless this user may redeem this voucher now.

    What was used is told before what has ended, so that whoever has redeemed it learns just that, also later. A
    voucher for somebody else is answered like one that does not exist.

    Args:
        voucher: as it stands, locked.
        user_id: who wants it.
        now_us: the time of the decision; the window holds its beginning and not its end.
        redeemed: how often this user has redeemed the voucher's campaign (or the voucher, if it stands alone).
        is_allowed: whether the user is on the campaign's list; True where there is none.
    """
    if not is_allowed or voucher.user_id not in (None, user_id):
        raise Refuse("not_found", NO_SUCH_CODE, sticks=False)
    if voucher.max_per_user is not None and redeemed >= voucher.max_per_user:
        raise Refuse("already_redeemed", "You have redeemed this code before.", voucher=voucher.id)
    if voucher.max_redemptions is not None and voucher.redemptions >= voucher.max_redemptions:
        raise Refuse("voucher_used", "This code has been used.", voucher=voucher.id)
    if voucher.is_revoked:
        raise Refuse("voucher_revoked", "This code has been withdrawn.", voucher=voucher.id)
    if voucher.starts_at_us is not None and now_us < voucher.starts_at_us:
        raise Refuse("voucher_not_yet_valid", "This code is not valid yet.", voucher=voucher.id)
    if voucher.ends_at_us is not None and now_us >= voucher.ends_at_us:
        raise Refuse("voucher_expired", "This code has expired.", voucher=voucher.id)


NO_SUCH_CODE = "There is no such code."
