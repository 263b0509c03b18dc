"""Which repeated MQTT messages were stored before: those whose PUBACK the broker may not have read.

MQTT 3.1.1 §4.4: on the next connection the broker sends again, with DUP, what it holds unacknowledged. A
PUBACK it did read makes the message id free (§2.3.1): a DUP under the same id is then another message, though
it may say the same. It has read every PUBACK sent before a PINGREQ that it answered.
"""

from __future__ import annotations


class Unconfirmed:
    """What the messages said, by id. ``turn``: PINGREQs sent on this connection when the PUBACK had been."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._said)

    def stored(self, mid: int, said: int, turn: int) -> None:
        self._said.pop(mid, None)
        self._said[mid] = (said, turn)

    def sent_anew(self, mid: int) -> None:
        """Without DUP: the id was free."""
        self._said.pop(mid, None)

    def again(self, mid: int, said: int) -> bool:
        return mid in self._said and self._said[mid][0] == said

    def answered(self, count: int) -> None:
        """``count``: PINGREQs answered, as far as all that came before the answer was dealt with."""
        for mid, (_, turn) in list(self._said.items()):
            if turn >= count:
                break
            del self._said[mid]

    def connected(self, *, kept: bool) -> None:
        """Turns count anew. Without its session the broker counts its ids anew as well."""
        self._said = {mid: (said, 0) for mid, (said, _) in self._said.items()} if kept else {}
