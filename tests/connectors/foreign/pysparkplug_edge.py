"""PyPI pysparkplug as an edge node, in a virtual environment of its own (it needs paho < 2)."""

import sys
import time

import pysparkplug as psp

KINDS = {
    int: psp.DataType.INT64,
    float: psp.DataType.DOUBLE,
    bool: psp.DataType.BOOLEAN,
    str: psp.DataType.STRING,
}


def metric(name: str, value: int | float | bool | str) -> psp.Metric:
    return psp.Metric(
        timestamp=psp.get_current_timestamp(), name=name, datatype=KINDS[type(value)], value=value
    )


def main(port: int) -> None:
    node = psp.EdgeNode(
        group_id="F",
        edge_node_id="E",
        metrics=(metric("Count", 0), metric("Speed", 0.5), metric("On", True), metric("Label", "born")),
    )
    node.connect("127.0.0.1", port=port)
    device = psp.Device(device_id="D", metrics=(metric("State", 0),))
    time.sleep(0.5)
    node.register(device)
    for number in range(1, 301):
        node.update((metric("Count", number), metric("Speed", number / 2)))
        node.update_device("D", (metric("State", -number),))
    node.update((metric("On", False), metric("Label", "é")))
    time.sleep(1)
    node.disconnect()


main(int(sys.argv[1]))
