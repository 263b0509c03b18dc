"""The operational record of one production order: what was planned, what happened, and the evidence."""

from __future__ import annotations
