"""YAML as a tree that knows its lines. Scalars keep their text: 06:00, 0012 and no stay what was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from mom.plant_file.problems import Problem

NULL = "tag:yaml.org,2002:null"
BOOLEAN = "tag:yaml.org,2002:bool"
INTEGER = "tag:yaml.org,2002:int"
FLOAT = "tag:yaml.org,2002:float"
MAXIMUM_DEPTH = 40


@dataclass(frozen=True)
class Entry:
    """A node of the file with its place. Reading it as what it is not appends a problem and gives None."""

    node: yaml.Node
    where: str
    problems: list[Problem] = field(repr=False)

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    @property
    def is_null(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == NULL

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    @property
    def read(self) -> str:
        """What was read, short enough to be put into a message."""
        if isinstance(self.node, yaml.ScalarNode):
            return "nothing" if self.is_null else repr(self.node.value[:60])
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "a mapping"

    def refuse(self, expected: str, read: str | None = None) -> None:
        self.problems.append(Problem(self.line, self.where, self.read if read is None else read, expected))

    def text(self) -> str | None:
        """The scalar as written; None, with a problem, for a list or mapping."""
        if isinstance(self.node, yaml.ScalarNode):
            return "" if self.is_null else str(self.node.value)
        self.refuse("a text")
        return None

    def mapping(self, expected: str = "a mapping") -> dict[str, Entry]:
        if not isinstance(self.node, yaml.MappingNode):
            self.refuse(expected)
            return {}
        found: dict[str, Entry] = {}
        for key, value in self.node.value:
            name = str(getattr(key, "value", ""))
            inner = Entry(value, f"{self.where}.{name}" if self.where else name, self.problems)
            if not isinstance(key, yaml.ScalarNode):
                Entry(key, self.where, self.problems).refuse("a key")
            elif name in found:
                first = found[name].line
                Entry(key, self.where, self.problems).refuse(
                    f"each key once (first on line {first})", f"{name!r} again"
                )
            else:
                found[name] = inner
        return found

    def items(self, expected: str = "a list") -> Iterator[Entry]:
        """The items of a list; a list is also what is under a key left empty."""
        if self.is_null:
            return
        if not isinstance(self.node, yaml.SequenceNode):
            self.refuse(expected)
            return
        for number, node in enumerate(self.node.value):
            yield Entry(node, f"{self.where}[{number}]", self.problems)

    def plain(self) -> Any:
        """The node as JSON: keys are texts, only whole numbers, fractions, true, false and null are not."""
        return _plain(self.node)


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return scalar(node.tag, str(node.value))


def scalar(tag: str, text: str) -> Any:
    """A number or truth value only where the text is plainly one; octal and base-60 forms stay texts."""
    if tag == NULL:
        return None
    if tag == BOOLEAN and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    try:
        if tag == INTEGER and str(int(text)) == text:
            return int(text)
        if tag == FLOAT:
            return float(text)
    except ValueError:
        pass
    return text


class _Nodes(yaml.SafeLoader):
    """Composes nodes only: no objects are made, and nesting is bounded, since composing is recursive."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise yaml.composer.ComposerError(
                None, None, f"lists and mappings more than {MAXIMUM_DEPTH} deep", self.peek_event().start_mark
            )
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias (*name)", self.peek_event().start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def tree_read(text: str) -> tuple[Entry | None, list[Problem]]:
    """The root of the file, None when it is no YAML; problems found later are appended to the same list."""
    problems: list[Problem] = []
    try:
        node = _Nodes(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(
            Problem(mark.line + 1 if mark else 1, "", error.problem or "text that is no YAML", "plain YAML")
        )
        return None, problems
    except yaml.YAMLError as error:
        problems.append(Problem(1, "", str(error).replace("\n", " ")[:200], "plain YAML in UTF-8"))
        return None, problems
    if node is None:
        problems.append(Problem(1, "", "an empty file", "sections such as site and equipment"))
        return None, problems
    return Entry(node, "", problems), problems
