"""The machine side of the wire: servers and publishers that speak real protocols."""
