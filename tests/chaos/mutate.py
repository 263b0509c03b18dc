"""Bytes made wrong on purpose: what bad cables, bad programs and bad people send.

Everything follows from the dice. ``LARGEST`` bounds an input; a megabyte says nothing a quarter does not.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

LARGEST: Final = 256 * 1024
WHOLE: Final = (
    0, -1, 1, 255, 256, 2**15, 2**31 - 1, 2**31, -(2**31), 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63,
    -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 10**30, 253_402_300_799_999, 253_402_300_800_000,
)  # fmt: skip
# What may stand where a value or a text stood
WORDS: Final = (
    b"null", b"true", b"[]", b"{}", b'""', b"NaN", b"Infinity", b"-Infinity", b"1e308", b"-1e308", b"1e999",
    b"5e-324", b"-0", b"0x1F", b"1_000", b'"\\ud800"', b'"\\u0000"', "\N{REPLACEMENT CHARACTER}".encode(),
    "٣".encode(), b"\xff\xfe",
    b"\xc3\x28", b"\xed\xa0\x80", b"\0", b"\r", b"\n", b'"', b"'", b",", b";", b":",
    b"- ", b"&a ", b"*a", b"!!python/object:os.system ", b"%s", b"{0}", b"${HOME}", b"../../etc/passwd",
    b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"2026-02-30T25:61:00Z", b"1601-01-01",
    b"2026-11-22T10:00:00", b"2026-11-22T10:00:00Z", b"24:00", b"1e17", b"99999999999999999",
)  # fmt: skip
NESTS: Final = (
    (b"[", b"]"),
    (b'{"a":', b"}"),
    (b"{a: ", b"}"),
    (b"- ", b""),
    (b"\x12\x80\x01", b""),
    (b"(", b")"),
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_TEXT = re.compile(rb'"[^"]{0,60}"')


def mutated(
    dice: random.Random, golden: Sequence[bytes], *, largest: int = LARGEST, binary: bool = False
) -> bytes:
    """One of the golden inputs with one to six things wrong in it; now and then just as it is."""
    weights = _BINARY if binary else _TEXTUAL
    raw = dice.choice(golden)
    for _ in range(dice.choice((0, 1, 1, 1, 2, 2, 3, 6))):
        raw = dice.choices(_WAYS, weights)[0](dice, raw, golden)[:largest]
    return raw


def integer(dice: random.Random) -> int:
    return dice.choice(WHOLE) if dice.random() < 0.7 else dice.getrandbits(dice.choice((8, 32, 64, 2000)))


def text(dice: random.Random) -> str:
    """Any text, which may be long, empty, full of zeros or of half a surrogate pair."""
    kind = dice.randrange(6)
    if kind == 0:
        return dice.choice(("", "\0", "a\0b", "\ud800", "é" * 300, "a/b:c", "{key}", "%(read)s", "\n", " "))
    if kind == 1:
        return dice.choice("a1.é") * dice.choice((100, 5000, 9999, 20_000))
    return "".join(chr(dice.randrange(32, 0x250)) for _ in range(dice.randrange(1, 30)))


def number(dice: random.Random) -> Any:
    said = (float("nan"), float("inf"), float("-inf"), 1e308, -0.0, 5e-324, dice.random() * 100)
    return dice.choice(said) if dice.random() < 0.5 else integer(dice)


# -- ways -------------------------------------------------------------------------------------------------


def _bits(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(raw)
    for _flip in range(dice.choice((1, 1, 2, 8)) if raw else 0):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _cut(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    return raw[: dice.randrange(len(raw) + 1)]


def _less(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(dice, raw)
    return raw[:start] + raw[end:]


def _twice(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(dice, raw)
    return raw[:end] + raw[start:]


def _splice(dice: random.Random, raw: bytes, golden: Sequence[bytes]) -> bytes:
    other = dice.choice(golden)
    return raw[: dice.randrange(len(raw) + 1)] + other[dice.randrange(len(other) + 1) :]


def _length(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    """A whole number of some width written over what stood there: lengths, counts, tags."""
    at, width = dice.randrange(len(raw) + 1), dice.choice((1, 2, 4, 8))
    said = (integer(dice) % (1 << 8 * width)).to_bytes(width, dice.choice(("little", "big")))
    return raw[:at] + said + raw[at + width :]


def _varint(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    at = dice.randrange(len(raw) + 1)
    return raw[:at] + b"\xff" * dice.randrange(1, 12) + b"\x01" + raw[at + dice.randrange(2) :]


def _word(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    at = dice.randrange(len(raw) + 1)
    return raw[:at] + dice.choice(WORDS) + raw[at:]


def _token(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    """Another value in place of one number or quoted text."""
    found = list((_NUMBER if dice.random() < 0.6 else _TEXT).finditer(raw[:20_000]))
    if not found:
        return _word(dice, raw, ())
    place = dice.choice(found)
    if dice.random() < 0.5:
        said = dice.choice(WORDS)
    else:
        said = (
            str(integer(dice)).encode()
            if dice.random() < 0.5
            else text(dice).encode("utf-8", "surrogatepass")
        )
        said = b'"' + said + b'"' if place[0][:1] == b'"' else said
    return raw[: place.start()] + said + raw[place.end() :]


def _digits(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    at = dice.randrange(len(raw) + 1)
    many = dice.choice((b"1", b"9", b"0", b"-", b".", b"1.", b" ", b"e")) * dice.choice((20, 400, 5000, 9998))
    return raw[:at] + many + dice.choice((b"", b"x")) + raw[at:]


def _repeat(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    """As bombs do: little that becomes much."""
    start, end = _span(dice, raw)
    part = raw[start:end] or b"0,"
    many = dice.choice((10, 100, 1000, 20_000, 100_000))
    return raw[:start] + part * min(many, LARGEST // len(part)) + raw[end:]


def _nest(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    begins, ends = dice.choice(NESTS)
    deep, at = dice.choice((5, 30, 50, 500, 20_000)), dice.randrange(len(raw) + 1)
    return (
        raw[:at]
        + begins * deep
        + dice.choice((b"", b"1"))
        + (ends * deep if dice.random() < 0.5 else b"")
        + raw[at:]
    )


def _grown(dice: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    """Still JSON, with one of its lists or objects much longer, or another value at one of its places."""
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return _token(dice, raw, ())
    found: list[Any] = []
    _containers(said, found)
    if not found:
        return raw
    chosen, many = dice.choice(found), dice.choice((0, 0, 10, 1000, 20_000, 30_000))
    if isinstance(chosen, list):
        part = chosen[:4] or [1]
        chosen += (part * many)[: LARGEST // max(1, len(json.dumps(part)) // len(part))]
    else:
        chosen |= {f"k{number}": number for number in range(many)}
        if chosen and not many:
            values: tuple[Any, ...] = (text(dice), number_json(dice), None, [], {}, [1], True)
            chosen[dice.choice(list(chosen))] = dice.choice(values)
    return json.dumps(said).encode("utf-8", "replace")


def number_json(dice: random.Random) -> Any:
    return dice.choice((1e308, -1e308, 1e305, 5e-324, -0.0, 0.5)) if dice.random() < 0.4 else integer(dice)


def _containers(said: Any, found: list[Any]) -> None:
    if isinstance(said, dict | list) and len(found) < 50:
        found.append(said)
        for inner in said.values() if isinstance(said, dict) else said:
            _containers(inner, found)


def _span(dice: random.Random, raw: bytes) -> tuple[int, int]:
    start = dice.randrange(len(raw) + 1)
    return start, min(len(raw), start + dice.choice((1, 2, 4, 16, 64, 256)))


Way = Callable[[random.Random, bytes, Sequence[bytes]], bytes]
_WAYS: tuple[Way, ...] = (
    _bits, _length, _varint, _cut, _less, _twice, _splice, _word, _token, _digits, _repeat, _nest, _grown,
)  # fmt: skip
# Large ones are slow to make; in a text, the first three ways mostly make no UTF-8
_BINARY = (10, 10, 10, 10, 10, 10, 10, 5, 2, 2, 3, 3, 0)
_TEXTUAL = (3, 1, 1, 10, 10, 10, 10, 15, 25, 3, 3, 3, 15)
