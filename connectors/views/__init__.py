from __future__ import annotations

from connectors.views.edit import connection_edit, connection_new
from connectors.views.look import connection_detail, connection_list, unread_list, unread_reprocess
from connectors.views.nodes import connection_nodes
from connectors.views.trust import connection_trust, spool_write_off
from connectors.views.unmapped import connection_map, unmapped_ignore, unmapped_list, unmapped_unignore

__all__ = [
    "connection_detail",
    "connection_edit",
    "connection_list",
    "connection_map",
    "connection_new",
    "connection_nodes",
    "connection_trust",
    "spool_write_off",
    "unmapped_ignore",
    "unmapped_list",
    "unmapped_unignore",
    "unread_list",
    "unread_reprocess",
]
