from __future__ import annotations

from connectors.protocols.sparkplug.connector import SparkplugConnector
from connectors.protocols.sparkplug.settings import SparkplugConfig

__all__ = ["SparkplugConfig", "SparkplugConnector"]
