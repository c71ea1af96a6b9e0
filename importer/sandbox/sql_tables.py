"""The tables of the sandbox's database."""

APPLICATION_ID = 0x54524942
"""Marks a SQLite file as a sandbox's ("TRIB")."""
VERSION = 2
FIRST_NUMBER = 1001

TABLES = f"""
CREATE TABLE organisation (id TEXT NOT NULL, created_at TEXT NOT NULL);

CREATE TABLE issues (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    source TEXT NOT NULL,
    category TEXT NOT NULL,
    owner_id TEXT,
    assignee_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    last_activity_at TEXT NOT NULL,
    unread INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX issues_by_activity ON issues (last_activity_at, id);
CREATE INDEX issues_by_creation ON issues (created_at, id);
INSERT INTO sqlite_sequence VALUES ('issues', {FIRST_NUMBER - 1});

-- Issues up to the highest rowid are indexed; a search indexes the rest first, so that creates cost nothing.
CREATE VIRTUAL TABLE words USING fts5 (text);

-- The `late-…` ids that were asked for; opening the file makes all earlier ones exist.
CREATE TABLE late (resource_id TEXT PRIMARY KEY, is_there INTEGER NOT NULL DEFAULT 0);

-- The exact body of every create, in the order of arrival, refused ones too.
CREATE TABLE creates (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    type TEXT NOT NULL,
    detail TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT,
    resources TEXT NOT NULL,
    session_id TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX events_by_issue ON events (issue, seq);

CREATE TABLE resources (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (issue, resource_type, resource_id)
);

CREATE TABLE flags (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    call_id TEXT NOT NULL,
    type TEXT NOT NULL,
    note TEXT NOT NULL,
    node_id TEXT,
    node_name TEXT,
    message_index INTEGER,
    message_text TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX flags_by_issue ON flags (issue, seq);

CREATE TABLE relations (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    target INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    type TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX relations_by_issue ON relations (issue);
CREATE INDEX relations_by_target ON relations (target);

CREATE TABLE sessions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE
);
CREATE INDEX sessions_by_issue ON sessions (issue);

-- One row for each dispatch of Norm; rows stay when the issue is deleted.
CREATE TABLE dispatches (seq INTEGER PRIMARY KEY, detail TEXT NOT NULL);

CREATE TABLE categories (name TEXT PRIMARY KEY, id TEXT NOT NULL, created_at TEXT NOT NULL);
"""
