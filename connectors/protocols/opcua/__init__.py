from __future__ import annotations

from connectors.protocols.opcua.connector import OpcUaConfig, OpcUaConnector

__all__ = ["OpcUaConfig", "OpcUaConnector"]
