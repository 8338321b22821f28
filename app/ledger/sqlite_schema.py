"""The tables of the SQLite ledger. Each fact stands once."""

VERSION = 4

RUNS = (
    """
    CREATE TABLE declared_runs (
        id TEXT PRIMARY KEY,
        event TEXT NOT NULL,
        day TEXT NOT NULL,
        waits INTEGER NOT NULL,               -- closed, and no load has looked at it since
        document TEXT NOT NULL                -- all of it, as JSON
    ) WITHOUT ROWID
    """,
    "CREATE INDEX declared_runs_by_day ON declared_runs (event, day)",
)

SUMMARIES = (
    """
    CREATE TABLE summaries (                  -- beside the row in `entries`, whose `at` is the end
        id TEXT PRIMARY KEY,
        seals INTEGER NOT NULL,
        sealed_from TEXT NOT NULL,
        made_at TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE summed (                     -- rows of a day in a seal that was summarised
        event TEXT NOT NULL,
        day TEXT NOT NULL,
        seal TEXT NOT NULL,
        entry TEXT NOT NULL,                  -- the summary
        rows INTEGER NOT NULL,
        PRIMARY KEY (event, day, seal)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX summed_by_entry ON summed (entry)",
    "CREATE INDEX summed_by_seal ON summed (seal)",
)

SCHEMA = (
    """
    CREATE TABLE entries (                    -- one per start, seal, incident or summary
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        event TEXT NOT NULL,
        at TEXT NOT NULL,                     -- sealed_at or seen_at; empty for a start
        version INTEGER,
        worker TEXT,
        config_sha TEXT,
        what TEXT,                            -- of an incident
        topic_id TEXT                         -- of a start or an incident
    ) WITHOUT ROWID
    """,
    "CREATE INDEX entries_by_event ON entries (kind, event, id)",
    """
    CREATE TABLE links (                      -- the chains: who took which link
        tp TEXT NOT NULL,
        slot INTEGER NOT NULL,                -- `first`; -1 for a start, which takes tp@start
        entry TEXT NOT NULL,
        position INTEGER NOT NULL,            -- in the entry's ranges
        kind TEXT NOT NULL,
        event TEXT NOT NULL,
        first INTEGER NOT NULL,
        next INTEGER NOT NULL,
        records INTEGER NOT NULL,
        changelog INTEGER NOT NULL,
        end_changelog INTEGER NOT NULL,       -- what this entry's end demands of a reader
        end_topic_id TEXT NOT NULL,
        PRIMARY KEY (tp, slot)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX links_by_entry ON links (entry, position)",
    """
    CREATE TABLE counts (
        event TEXT NOT NULL,
        day TEXT NOT NULL,
        entry TEXT NOT NULL,
        staged INTEGER NOT NULL,
        duplicates INTEGER NOT NULL,
        dead INTEGER NOT NULL,
        filtered INTEGER NOT NULL DEFAULT 0,
        rows INTEGER,                         -- that the staged events became; NULL: as many
        PRIMARY KEY (event, day, entry)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX counts_by_entry ON counts (entry)",
    """
    CREATE TABLE reasons (
        entry TEXT NOT NULL,
        reason TEXT NOT NULL,
        dead INTEGER NOT NULL,
        PRIMARY KEY (entry, reason)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE objects (
        entry TEXT NOT NULL,
        position INTEGER NOT NULL,
        event TEXT NOT NULL,
        day TEXT NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        rows INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        etag TEXT NOT NULL,
        PRIMARY KEY (entry, position)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX objects_by_day ON objects (event, day, kind, entry)",
    """
    CREATE TABLE unloaded (                   -- row objects that no committed load has named
        event TEXT NOT NULL,
        day TEXT NOT NULL,
        entry TEXT NOT NULL,
        PRIMARY KEY (event, day, entry)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE loads (                      -- the last committed load of each day
        event TEXT NOT NULL,
        warehouse_table TEXT NOT NULL,
        day TEXT NOT NULL,
        run TEXT NOT NULL,
        fence INTEGER NOT NULL,
        seals TEXT NOT NULL,                  -- a JSON array of ids
        staged INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        loaded_at TEXT NOT NULL,
        shown TEXT NOT NULL DEFAULT '',       -- a declared run
        hidden INTEGER NOT NULL DEFAULT 0,    -- rows of others
        PRIMARY KEY (event, warehouse_table, day)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE fences (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    *RUNS,
    *SUMMARIES,
)

STEPS = {
    0: (VERSION, SCHEMA),
    1: (
        2,
        (
            "ALTER TABLE counts ADD COLUMN filtered INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE counts ADD COLUMN rows INTEGER",
        ),
    ),
    2: (
        3,
        (
            "ALTER TABLE loads ADD COLUMN shown TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE loads ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0",
            *RUNS,
        ),
    ),
    3: (4, SUMMARIES),
}
"""What makes a file of an older version, or an empty one, one of a newer."""
