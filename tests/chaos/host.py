"""A replay in a process of its own, whose zone and seed of hashes its starter chose."""

from __future__ import annotations

import os


def tell(seed: int, hours: float) -> None:
    """Prints the digest of the rows derived, and a hash that is of this process's seed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mom.settings")
    os.environ.setdefault("SECRET_KEY", "only for proofs")
    import django

    django.setup()
    from tests.chaos.replay import folded

    print(folded(seed, hours), hash("a text"))
