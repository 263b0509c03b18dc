from __future__ import annotations

from connectors.protocols.sparkplug.connector import SparkplugConfig, SparkplugConnector

__all__ = ["SparkplugConfig", "SparkplugConnector"]
