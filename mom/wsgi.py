from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mom.settings")
application = get_wsgi_application()


def settle() -> None:
    """Load every page, then keep what was loaded out of garbage collection: it lives as long as the process.

    A long record page makes enough rows for several full collections; of all of Django, each takes tens of
    milliseconds.
    """
    assert get_resolver().url_patterns
    gc.collect()
    gc.freeze()


settle()
