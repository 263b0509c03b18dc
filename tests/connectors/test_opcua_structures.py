"""Structures of a server's own, by the definition it gives of them: read as written, and never believed."""

from __future__ import annotations

import contextlib
import random
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from asyncua import Client, ua
from asyncua.common.structures104 import new_struct_field
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.protocols.opcua.structures import MOST_ELEMENTS, Layout, NotReadable, Structures, _standard
from tests.connectors.job_machine import TYPES

ORDER = "ISA95JobOrderDataType"


def kind(name: str) -> ua.NodeId:
    return ua.NodeId.from_string(f"ns=3;s={name}")


def known() -> Structures:
    """As learnt from the machine of the tests, without one; and a list of nothing at all."""
    types = {**TYPES, "Nothing": [], "Nothings": [("Many", "Nothing", True, False)]}
    found = Structures(cast("Client", None))
    for name, fields in types.items():
        made = [
            new_struct_field(one, kind(of) if isinstance(of, str) else of, array=array, optional=optional)
            for one, of, array, optional in fields
        ]
        optional = any(field.IsOptional for field in made)
        encoding = ua.NodeId.from_string(f"ns=3;s={name} binary")
        found._known[kind(name)] = Layout(encoding, optional, tuple(made))
        found._by_encoding[encoding] = kind(name)
        for field in made:
            if (standard := _standard(field.DataType)) is not None:
                found._known[field.DataType] = standard
    return found


texts = st.text(max_size=20)
times = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
names = st.lists(texts.map(lambda text: ua.LocalizedText(Text=text)), max_size=3)
materials = st.fixed_dictionaries(
    {}, optional={"MaterialDefinitionID": texts, "Quantity": texts, "Description": names}
)
orders = st.fixed_dictionaries(
    {"JobOrderID": texts},
    optional={
        "Description": names,
        "StartTime": times,
        "Priority": st.integers(-(2**15), 2**15 - 1),
        "MaterialRequirements": st.lists(materials, max_size=3),
    },
)


@settings(max_examples=60)
@given(orders)
def test_what_is_written_is_read(order: dict[str, Any]) -> None:
    structures = known()
    assert structures.read(structures.write(kind(ORDER), order)) == order


@settings(max_examples=200)
@given(orders, st.randoms(use_true_random=False))
def test_damaged_bytes_are_refused_or_read_never_worse(order: dict[str, Any], dice: random.Random) -> None:
    structures = known()
    written = structures.write(kind(ORDER), order)
    body = bytearray(written.Body or b"")
    for _ in range(dice.randint(1, 4)):
        body[dice.randrange(len(body))] = dice.choice((0, 1, 0x7F, 0xFF, dice.randrange(256)))
    damaged = ua.ExtensionObject(
        TypeId=written.TypeId, Body=ua.ByteString(body[: dice.randint(1, len(body))])
    )
    with contextlib.suppress(NotReadable):
        assert isinstance(structures.read(damaged), dict)


def test_elements_that_take_no_room_are_counted_all_the_same() -> None:
    structures = known()
    written = structures.write(kind("Nothings"), {"Many": [{}] * 3})
    assert structures.read(written) == {"Many": [{}] * 3}
    endless = (MOST_ELEMENTS + 1).to_bytes(4, "little") + bytes(2 * MOST_ELEMENTS)
    with pytest.raises(NotReadable, match="elements"):
        structures.read(ua.ExtensionObject(TypeId=written.TypeId, Body=ua.ByteString(endless)))
    with pytest.raises(NotReadable, match="did not define"):
        structures.read(ua.ExtensionObject(TypeId=kind("x"), Body=ua.ByteString(b"1")))
