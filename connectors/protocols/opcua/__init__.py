from __future__ import annotations

from connectors.protocols.opcua.connector import OpcUaConnector
from connectors.protocols.opcua.settings import OpcUaConfig

__all__ = ["OpcUaConfig", "OpcUaConnector"]
