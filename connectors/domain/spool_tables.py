"""Tables of a spool's file (SQLite) and what is asked of them."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    connection TEXT NOT NULL,
    arrived INTEGER NOT NULL,
    samples BLOB NOT NULL,
    extras TEXT NOT NULL,
    count INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS open_gap (
    key TEXT PRIMARY KEY, connection TEXT NOT NULL, gap TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alive (connection TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS remembered (
    connection TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (connection, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counted (
    connection TEXT PRIMARY KEY, received INTEGER NOT NULL, confirmed INTEGER NOT NULL
) WITHOUT ROWID;
"""
COUNT = """INSERT INTO counted VALUES (?, ?, ?) ON CONFLICT (connection)
DO UPDATE SET received = received + excluded.received, confirmed = confirmed + excluded.confirmed"""
# Holds what is summed, so that a report reads no batch
INDEX = """CREATE INDEX IF NOT EXISTS batch_held ON batch (connection, sequence, arrived, count);
DROP INDEX IF EXISTS batch_by_connection"""
HELD = "SELECT connection, sum(count), count(*), min(arrived) FROM batch GROUP BY connection"
# Each connection by one look at the index, however many batches wait
NAMES = """WITH RECURSIVE names (name) AS (SELECT min(connection) FROM batch UNION ALL
SELECT (SELECT min(connection) FROM batch WHERE connection > name) FROM names WHERE name NOTNULL)"""
WAITING = f"{NAMES} SELECT name FROM names WHERE name NOTNULL"
COLUMNS = "sequence, connection, arrived, samples, extras, count"
AFTER = f"""SELECT {COLUMNS} FROM batch
WHERE connection = ? AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?"""
OLDER = """SELECT sequence FROM batch WHERE connection = ? AND sequence > ? AND arrived < ?
ORDER BY sequence DESC LIMIT 1"""
OLDEST = f"""{NAMES} SELECT connection, arrived FROM batch
WHERE sequence IN (SELECT (SELECT min(sequence) FROM batch WHERE connection = name) FROM names)"""
FORGET = "DELETE FROM remembered WHERE connection = ? AND name = ?"
REMEMBER = "INSERT INTO remembered VALUES (?, ?, ?)"
