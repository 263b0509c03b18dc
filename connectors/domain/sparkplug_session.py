"""The host application's side of Sparkplug B 3.0 sessions: what each message means, given those before it.

Pure: messages and instants in, an ``Outcome`` out. Instants are microseconds since 1970 UTC. One ``Host``
follows every edge node of a connection. Addresses: ``group/node:metric``, ``group/node/device:metric``.
"""

from __future__ import annotations

from connectors.domain import notices
from connectors.domain.columns import instant, key_of
from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord, gap_declared, gap_key
from connectors.domain.paths import quoted
from connectors.domain.sparkplug_messages import (
    DBIRTH,
    DDATA,
    DDEATH,
    NBIRTH,
    NDATA,
    NDEATH,
    Message,
    Outcome,
    Rebirth,
    Unreadable,
)
from connectors.domain.sparkplug_node import MAX_BUFFERED, Node, Rules, behind, holes
from connectors.domain.sparkplug_values import BD_SEQ, NOTHING, REBIRTH, learn, values_into


class Host:
    """Follows the edge nodes of one connection. Not thread-safe; fed by one task."""

    def __init__(self, rules: Rules | None = None, *, source: str = "") -> None:
        self.rules = rules or Rules()
        self._source = source
        self._nodes: dict[tuple[str, str], Node] = {}
        self._now = 0

    def feed(self, message: Message, out: Outcome) -> None:
        node = self._nodes.get((message.group, message.node)) or self._met(message, out)
        kind = message.kind
        self._now = max(self._now, message.arrival)
        node.heard_on = message.link
        if node.online and node.link != message.link and kind != NBIRTH:
            self._elsewhere(node, message, out)
            return
        if node.doubted_at is not None and kind != NDEATH:
            self._believe(node, message.arrival, out)
        if kind == NBIRTH:
            self._node_birth(node, message, out)
        elif kind == NDEATH:
            self._node_death(node, message, out)
        elif not node.online:
            self._before_birth(node, message, out)
        elif message.seq is None:
            # DDEATH without seq is seen in the field: it cannot be ordered, so it is taken as it comes
            self._apply(node, message, out)
        elif node.last_seq is None or message.seq == (node.last_seq + 1) & 255:
            self._apply(node, message, out)
            if node.buffer:
                self._drain(node, out)
        else:
            self._hold(node, message, out)

    def straight(self, group: str, name: str, device: str, seq: int, link: int, at: int) -> Node | None:
        """The node of a DATA message for which ``feed`` would do no more than add its values, else None."""
        node = self._nodes.get((group, name))
        if node is None or not node.expects(device, seq, link):
            return None
        self._now = max(self._now, at)
        return node

    def tick(self, now: int, out: Outcome) -> None:
        """Reorder timers that have run out, and rebirths that a cool-down put off."""
        self._now = max(self._now, now)
        for node in self._nodes.values():
            if node.deadline is not None and now >= node.deadline:
                self._give_up(node, out, now)
            for scope, since in list(node.awaiting.items()):
                if now - since >= self.rules.reorder_timeout:
                    del node.awaiting[scope]
                    self._open(node, scope, since, "device_awaits_birth", out)
            if node.doubted_at is not None:
                self._doubt(node, now, out)
            if node.wanted and (node.asked_at is None or now - node.asked_at >= self._cooldown(node)):
                self._ask(node, node.wanted, now, out)
            elif node.ignores(now, self._cooldown(node)):
                self._ask(node, "no birth since it was asked for", now, out)
            if node.online and now - node.noted_at >= self.rules.seen_every:
                self._note(node, out, notices.SEEN, node.last_heard or now)

    def next_deadline(self) -> int | None:
        return min(
            (node.deadline for node in self._nodes.values() if node.deadline is not None), default=None
        )

    def transport_lost(self, at: int, out: Outcome, *, link: int = 0, since: int | None = None) -> None:
        """Clean start and QoS 0: whatever was sent after ``since`` is lost, and every table with it; ``at``:
        when that was noticed.
        """
        for node in self._nodes.values():
            if node.online and node.link == link:
                self._flush(node, out)
                self._note(node, out, notices.STALE, at, "connection_down")
                self._go_offline(node, at if since is None else min(since, at), "connection_down", out)

    def transport_restored(self, at: int, out: Outcome, *, link: int = 0) -> None:
        for node in self._nodes.values():
            if node.heard_on == link and not node.online:
                node.asked_at = None
                self._want(node, "host reconnected", at, out)

    def unheard(self, paths: set[str], at: int, cause: str, out: Outcome) -> None:
        """These nodes may be speaking where we cannot hear them: a gap each, until they are born."""
        for path in sorted(paths - set(self.online())):
            group, _, name = path.partition("/")
            node = self._nodes.setdefault((group, name), Node(group, name))
            self._open(node, f"{path}:", at, cause, out)
            self._open(node, f"{path}/", at, cause, out)

    def yielded(self, at: int, out: Outcome) -> None:
        """Another host answers for these nodes now: nothing we knew or missed of them goes on."""
        for node in self._nodes.values():
            self._flush(node, out)
            for scope in list(node.gaps):
                self._close(node, scope, at, out)
        self._nodes.clear()

    def online(self) -> list[str]:
        return sorted(node.path for node in self._nodes.values() if node.online)

    # -- births and deaths ---------------------------------------------------------------------------------

    def _node_birth(self, node: Node, message: Message, out: Outcome) -> None:
        self._flush(node, out)
        bd_seq = next((m.value for m in message.metrics if m.name == BD_SEQ and not m.error), None)
        # A node's birth alone does not make its devices good again; only one that is slow to follow is a gap
        for device, online in node.devices.items():
            if online:
                node.awaiting[f"{node.path}/{device}:"] = message.arrival
        node.forget()
        node.online = node.ever_born = True
        node.link = message.link
        node.bd_seq = bd_seq if type(bd_seq) is int and bd_seq < 2**63 else None
        node.last_seq = message.seq if message.seq is not None else 0
        node.last_heard = message.arrival
        node.wanted, node.asked = "", 0
        self._close(node, f"{node.path}:", message.arrival, out)
        self._close(node, f"{node.path}/", message.arrival, out)
        if node.bd_seq is None:
            out.alarms.append(f"{node.path}: NBIRTH without bdSeq; its death cannot be checked")
        if message.seq is None:
            out.alarms.append(f"{node.path}: NBIRTH without seq")
        node.answers = any(metric.name == REBIRTH for metric in message.metrics)
        if not node.answers:
            out.alarms.append(
                f"{node.path}: NBIRTH without {REBIRTH}; it may not answer when asked for births"
            )
        self._note(node, out, notices.BORN, message.arrival)
        learn(node, message, out)
        self._values(node, message, out)

    def _node_death(self, node: Node, message: Message, out: Outcome) -> None:
        if not node.online:
            return
        bd_seq = next((m.value for m in message.metrics if m.name == BD_SEQ and not m.error), None)
        if node.bd_seq is not None and bd_seq != node.bd_seq:
            # tck-id-payloads-ndeath-bdseq: a death that does not match the birth belongs to an older session
            reason = f"NDEATH with bdSeq {quoted(bd_seq)}, the birth said {node.bd_seq}: ignored"
            out.alarms.append(f"{node.path}: {reason}")
            out.unreadable.append(Unreadable(message.topic, reason, message.raw, message.arrival))
            if node.doubted_at is None:
                node.doubted_at = message.arrival
                self._note(node, out, notices.DEATH_IGNORED, message.arrival, reason)
            return
        self._flush(node, out)
        self._note(node, out, notices.DIED, message.arrival)
        self._go_offline(node, message.arrival, "death_to_birth", out)

    def _doubt(self, node: Node, now: int, out: Outcome) -> None:
        """Some edges leave with a wrong bdSeq and would seem to be there for ever: one that says nothing more
        is asked for a birth, and one that does not answer is a gap until it is heard again.
        """
        since = now - (node.doubted_at or now)
        if since >= 2 * self.rules.cooldown:
            self._open(node, node.path, node.doubted_at or now, "death_unconfirmed", out)
        elif since >= self.rules.cooldown and not node.doubt_asked:
            node.doubt_asked = True
            self._want(node, "silent since a death that did not match its birth", now, out)

    def _believe(self, node: Node, at: int, out: Outcome) -> None:
        if node.doubt_asked:
            node.asked = 0  # it speaks: that was the question
        node.doubted_at, node.doubt_asked = None, False
        self._close(node, node.path, at, out)

    def _go_offline(self, node: Node, at: int, cause: str, out: Outcome) -> None:
        for device, online in node.devices.items():
            if online:
                self._open(node, f"{node.path}/{device}:", at, cause, out)
        for scope, since in node.awaiting.items():
            self._open(node, scope, since, cause, out)
        node.awaiting.clear()
        node.doubted_at, node.doubt_asked, node.online = None, False, False
        node.last_seq = None
        node.forget()
        self._open(node, f"{node.path}:", at, cause, out)
        self._close(node, node.path, at, out)

    def _device_birth(self, node: Node, message: Message, out: Outcome) -> None:
        prefix = node.prefix(message.device)
        other = next((name for name in node.devices if name.lower() == message.device.lower()), None)
        if other not in (None, message.device):
            out.alarms.append(f"{prefix[:-1]}: differs from {node.path}/{other} only by case")
        node.devices[message.device] = True
        node.awaiting.pop(prefix, None)
        self._close(node, prefix, message.arrival, out)
        self._note(node, out, notices.BORN, message.arrival, device=message.device)
        learn(node, message, out)
        self._values(node, message, out)

    def _device_death(self, node: Node, message: Message, out: Outcome) -> None:
        if node.devices.get(message.device):
            node.devices[message.device] = False
            at = min(message.timestamp * 1000 or message.arrival, message.arrival)
            self._note(node, out, notices.DIED, at, device=message.device)
            self._open(node, node.prefix(message.device), at, "death_to_birth", out)

    def _elsewhere(self, node: Node, message: Message, out: Outcome) -> None:
        """Through another broker than its birth. A death there is an older session's will; anything else may
        be a birth we missed: kept unread, and the births asked for where it speaks.
        """
        if message.kind != NDEATH:
            self._unread(node, message, f"{message.kind} through another broker than its NBIRTH", out)

    def _before_birth(self, node: Node, message: Message, out: Outcome) -> None:
        self._unread(node, message, f"{message.kind} before the node's birth", out)
        self._open(node, f"{node.path}:", message.arrival, "before_birth", out)
        if message.device and message.kind != DDEATH:
            self._open(node, f"{node.path}/{message.device}:", message.arrival, "before_birth", out)

    def _unread(self, node: Node, message: Message, reason: str, out: Outcome) -> None:
        """Kept as it came, and the births asked for that would have made it readable."""
        out.unreadable.append(Unreadable(message.topic, reason, message.raw, message.arrival))
        self._want(node, reason, message.arrival, out)

    # -- order ---------------------------------------------------------------------------------------------

    def _apply(self, node: Node, message: Message, out: Outcome) -> None:
        if message.seq is not None:
            node.last_seq = message.seq
        if message.kind == NDATA:
            self._values(node, message, out)
        elif message.kind == DDATA:
            if node.devices.get(message.device):
                self._values(node, message, out)
            else:
                self._unread(
                    node, message, f"DDATA before the birth of device {quoted(message.device)!r}", out
                )
                scope = f"{node.path}/{message.device}:"
                self._open(node, scope, message.arrival, "before_birth", out)
        elif message.kind == DBIRTH:
            self._device_birth(node, message, out)
        elif message.kind == DDEATH:
            self._device_death(node, message, out)
        node.last_heard = message.arrival

    def _hold(self, node: Node, message: Message, out: Outcome) -> None:
        node.buffer.append(message)
        if node.deadline is None:
            node.deadline = message.arrival + self.rules.reorder_timeout
        if len(node.buffer) >= MAX_BUFFERED:
            self._give_up(node, out, message.arrival)

    def _drain(self, node: Node, out: Outcome) -> None:
        progress = True
        while progress and node.buffer:
            progress = False
            for index, held in enumerate(node.buffer):
                if node.last_seq is not None and held.seq == (node.last_seq + 1) & 255:
                    self._apply(node, node.buffer.pop(index), out)
                    progress = True
                    break
        if not node.buffer:
            node.deadline = None

    def _give_up(self, node: Node, out: Outcome, now: int) -> None:
        """The missing message did not come: say so, keep what did come, ask for a new birth."""
        since = min(message.arrival for message in node.buffer)
        births_missed = any(behind(node, message) for message in node.buffer)
        self._want(node, self._flush(node, out), now, out)
        if births_missed and node.answers:
            self._go_offline(node, since, "birth_missed", out)

    def _flush(self, node: Node, out: Outcome) -> str:
        """What was held is applied in seq order (it was received, so it is kept); what was waited for
        is a gap.
        """
        if not node.buffer:
            return ""
        expected = ((node.last_seq or 0) + 1) & 255
        held = sorted(node.buffer, key=lambda message: ((message.seq or 0) - expected) & 255)
        missing = holes(node, held)
        for hole in missing:
            self._note(node, out, notices.SEQ_FAULT, hole.end, hole.what)
            start, end = instant(hole.start), instant(hole.end)
            gap = gap_declared(
                source=self._source, cause="seq_jump", start=start, end=end, scope=node.path, detail=hole.what
            )
            out.gaps.append(gap)
        unsure = {id(message) for message in held if node.answers and behind(node, message)}
        node.buffer = []
        node.deadline = None
        for message in held:
            if id(message) in unsure:
                self._unread(node, message, f"{message.kind} numbered as after a birth that was missed", out)
            else:
                self._apply(node, message, out)
        return missing[0].what

    # -- values --------------------------------------------------------------------------------------------

    def _values(self, node: Node, message: Message, out: Outcome) -> None:
        unknown = values_into(node, message, out)
        if unknown and self.rules.rebirth_on_unknown:
            self._unread(node, message, unknown, out)
        elif unknown:
            out.unreadable.append(Unreadable(message.topic, unknown, message.raw, message.arrival))

    def datatype(self, group: str, node: str, device: str, name: str, alias: int | None) -> int:
        """What the birth said; DATA may leave it out. 0 = not known."""
        found = self._nodes.get((group, node))
        if found is None:
            return 0
        table = found.tables.get(device, NOTHING)
        known = table.names.get(name) if name else table.aliases.get(-1 if alias is None else alias)
        return known.datatype if known else 0

    # -- gaps and rebirths ---------------------------------------------------------------------------------

    def malformed(self, group: str, node: str, reason: str, now: int, out: Outcome) -> None:
        """A payload that could not be read may have been a birth: ask again."""
        if (group, node) in self._nodes:
            self._want(self._nodes[group, node], reason, now, out)

    def _want(self, node: Node, reason: str, at: int, out: Outcome) -> None:
        # A message held back arrived earlier than it is asked about
        now = max(at, self._now)
        if node.asked_at is None or now - node.asked_at >= self._cooldown(node):
            self._ask(node, reason, now, out)
        elif not node.wanted:
            node.wanted = reason

    def _ask(self, node: Node, reason: str, now: int, out: Outcome) -> None:
        node.asked_at, node.asked = now, node.asked + 1
        node.wanted = ""
        self._note(node, out, notices.REBIRTH_ASKED, now, reason)
        out.rebirths.append(Rebirth(node.group, node.name, reason, node.heard_on))

    def _cooldown(self, node: Node) -> int:
        spread = key_of(node.group, node.name) % 1000
        return self.rules.cooldown + self.rules.cooldown * spread // 4000

    def _open(self, node: Node, scope: str, at: int, cause: str, out: Outcome) -> None:
        if scope not in node.gaps:
            start = instant(at)
            key = gap_key(self._source, cause, start.isoformat(), scope)
            record = GapRecord(key=key, cause=cause, start_time=start, scope=scope)
            node.gaps[scope] = record
            out.gaps.append(record)

    def _close(self, node: Node, scope: str, at: int, out: Outcome) -> None:
        opened = node.gaps.pop(scope, None)
        if opened is not None:
            end = max(instant(at), opened.start_time)
            closed = GapRecord(
                key=opened.key, cause=opened.cause, start_time=opened.start_time, end_time=end, scope=scope
            )
            out.gaps.append(closed)

    def _note(
        self, node: Node, out: Outcome, kind: str, at: int, detail: str = "", *, device: str = ""
    ) -> None:
        scope = node.prefix(device)[:-1]
        node.noted_at = at
        out.notices.append(Notice(kind, scope, at, node.bd_seq, node.last_seq, detail[:300]))

    def _met(self, message: Message, out: Outcome) -> Node:
        """The node of a message, known from now on."""
        made = Node(message.group, message.node)
        twins = (node.path for node in self._nodes.values() if node.path.lower() == made.path.lower())
        if (twin := next(twins, None)) is not None:
            out.alarms.append(f"{made.path}: differs from {twin} only by case")
        self._nodes[message.group, message.node] = made
        return made
