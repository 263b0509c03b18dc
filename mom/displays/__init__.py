"""Displays on the wall: lines and the plant, read from afar."""
