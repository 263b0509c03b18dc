from __future__ import annotations

from datetime import datetime, timedelta

from connectors.models import IngestReceipt, ReceivedNumber

# A runner asks again for as long as it has no answer; past this its batch is known by its samples' own keys.
RECEIPTS_KEPT = timedelta(days=7)


def receipts_trim(*, now: datetime) -> int:
    """Forget receipts and numbers nobody can ask about any more."""
    before = now - RECEIPTS_KEPT
    receipts, _ = IngestReceipt.objects.filter(received_at__lt=before).delete()
    numbers, _ = ReceivedNumber.objects.filter(received_at__lt=before).delete()
    return receipts + numbers
