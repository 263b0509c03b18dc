"""Which repeated MQTT messages were stored before: those whose PUBACK the broker may not have read.

MQTT 3.1.1 §4.4: on the next connection the broker sends again, with DUP, what it holds unacknowledged. A
PUBACK it did read makes the message id free (§2.3.1): a DUP under the same id is then another message, though
it may say the same. It has read every PUBACK sent before a PINGREQ that it answered.

Until then nobody can tell, unless the broker counts its ids up and comes back to one only after 65,535 others
(Mosquitto does). One that was seen to go back is given the benefit of the doubt: what it repeats is kept.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

_ENTRY: Final = struct.Struct("<Hq")
_HALF: Final = 32_768
_PENDING: Final = 2**63
GOES_BACK: Final = "goes back"


# What it said; PINGREQs sent on this connection when its PUBACK had been; whether it was sent at all
_Stored = tuple[int, int, bool]


class Unconfirmed:
    """What the messages said, by id. ``remembered``: what an earlier process noted in its spool of the same
    ``source``, with the batches it stored; whatever else it holds is forgotten.
    """

    def __init__(self, source: str = "", remembered: Mapping[str, bytes] | None = None) -> None:
        self._source = source
        self._stored: dict[int, _Stored] = {}
        self._notes: deque[tuple[int, int]] = deque()
        self._noted = 0
        self._last = 0
        self._goes_back = False
        self._news: dict[str, bytes | None] = {}
        for name, value in sorted((remembered or {}).items()):
            self._recall(name, value)

    def __len__(self) -> int:
        return len(self._stored)

    def _recall(self, name: str, value: bytes) -> None:
        source, _, rest = name.rpartition("/")
        if source == self._source and rest == GOES_BACK:
            self._goes_back = True
        elif source == self._source and rest.isdecimal() and len(value) % _ENTRY.size == 0:
            self._noted = int(rest)
            self._notes.append((self._noted, 0))
            for mid, said in _ENTRY.iter_unpack(value):
                self._stored[mid] = said, 0, True
        else:
            self._news[name] = None

    # -- messages ------------------------------------------------------------------------------------------

    def sent_anew(self, mid: int, *, dup: bool = False) -> None:
        """Another message than what was stored under this id; without ``dup`` its id was free."""
        self._stored.pop(mid, None)
        if dup:
            return
        if self._last and not 0 < (mid - self._last) % 65_536 < _HALF and not self._goes_back:
            self._goes_back = True
            self._news[f"{self._source}/{GOES_BACK}"] = b""
        self._last = mid

    def again(self, mid: int, said: int) -> bool:
        stored = self._stored.get(mid)
        return stored is not None and stored[0] == said and not (stored[2] and self._goes_back)

    def stored(self, messages: Iterable[tuple[int, int]], turn: int, *, told: bool = True) -> None:
        """(mid, what it said) of a batch; its PUBACKs came after ``turn`` PINGREQs, or not (``told``)."""
        for mid, said in messages:
            self._stored.pop(mid, None)
            self._stored[mid] = said, turn, told
        if self._notes and self._notes[-1][1] == _PENDING:
            self._notes[-1] = self._noted, turn

    def answered(self, count: int) -> None:
        """``count``: PINGREQs answered, as far as all that came before the answer was dealt with."""
        for mid, (_, turn, _) in list(self._stored.items()):
            if turn >= count:
                break
            del self._stored[mid]
        while self._notes and self._notes[0][1] < count:
            self._forget()

    def connected(self, *, kept: bool) -> None:
        """Turns count anew. Without its session the broker counts its ids anew as well."""
        if kept:
            self._stored = {mid: (said, 0, told) for mid, (said, _, told) in self._stored.items()}
            self._notes = deque((number, 0) for number, _ in self._notes)
            return
        self._stored.clear()
        while self._notes:
            self._forget()
        if self._goes_back:
            self._news[f"{self._source}/{GOES_BACK}"] = None
        self._last, self._goes_back = 0, False

    # -- what another process must know --------------------------------------------------------------------

    def note(self, messages: Iterable[tuple[int, int]]) -> None:
        """(mid, what it said) of a batch, to be on disk with it, before any of its PUBACKs."""
        packed = b"".join(_ENTRY.pack(mid, said) for mid, said in messages)
        if packed:
            self._noted += 1
            self._notes.append((self._noted, _PENDING))
            self._news[self._name(self._noted)] = packed

    def news(self) -> dict[str, bytes | None]:
        """What is to be noted (None: forgotten) since this was last asked."""
        news, self._news = self._news, {}
        return news

    def _forget(self) -> None:
        self._news[self._name(self._notes.popleft()[0])] = None

    def _name(self, number: int) -> str:
        return f"{self._source}/{number:020d}"
