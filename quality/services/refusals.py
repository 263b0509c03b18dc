from __future__ import annotations


class CheckRefused(ValueError):
    """A result, nonconformance or decision that cannot be taken: what was read, and what was expected."""

    is_bad_input = True
