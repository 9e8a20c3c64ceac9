-- From version 1 to version 2: rules, votes, time limits, edits, programs, histories of clients.
-- Runs with foreign keys off, inside one transaction.

CREATE TABLE rules (
  n INTEGER PRIMARY KEY,
  rule TEXT NOT NULL UNIQUE
) STRICT;

ALTER TABLE bindings ADD COLUMN details TEXT;

CREATE TABLE boots (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  clock_offset INTEGER
) STRICT;

-- A check cannot be changed in place, so the table is made anew.
CREATE TABLE new_pending_approvals (
  n INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL,
  tool_call_id TEXT NOT NULL,
  tool TEXT NOT NULL,
  agent TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'unknown')),
  arguments TEXT NOT NULL,
  preview_format TEXT,
  preview TEXT,
  shared_binding INTEGER REFERENCES bindings (n),
  binding TEXT,
  changed TEXT,
  created_at INTEGER NOT NULL,
  resolved_at INTEGER,
  resolved_by TEXT,
  authenticated_as TEXT,
  decision TEXT CHECK (decision IN ('approve', 'deny', 'expired', 'edited')),
  reason TEXT,
  rule INTEGER REFERENCES rules (n),
  source INTEGER REFERENCES pending_approvals (n),
  expires_at INTEGER,
  opened_boot INTEGER REFERENCES boots (n),
  opened_uptime INTEGER,
  warned_at INTEGER,
  warned_boot INTEGER REFERENCES boots (n),
  warned_uptime INTEGER
) STRICT;
INSERT INTO new_pending_approvals (n, run_id, tool_call_id, tool, agent, state, arguments,
  preview_format, preview, shared_binding, binding, changed, created_at, resolved_at, resolved_by,
  authenticated_as, decision, reason)
SELECT n, run_id, tool_call_id, tool, agent, state, arguments,
  preview_format, preview, shared_binding, binding, changed, created_at, resolved_at, resolved_by,
  authenticated_as, decision, reason
FROM pending_approvals;
DROP TABLE pending_approvals;
ALTER TABLE new_pending_approvals RENAME TO pending_approvals;
CREATE INDEX open_approvals ON pending_approvals (created_at) WHERE resolved_at IS NULL;
CREATE INDEX expiring_approvals ON pending_approvals (expires_at)
  WHERE resolved_at IS NULL AND expires_at IS NOT NULL;

CREATE TABLE votes (
  n INTEGER PRIMARY KEY,
  request INTEGER NOT NULL REFERENCES pending_approvals (n),
  authenticated_as TEXT NOT NULL,
  resolved_by TEXT NOT NULL,
  at INTEGER NOT NULL,
  UNIQUE (request, authenticated_as)
) STRICT;

ALTER TABLE calls ADD COLUMN proposed TEXT;

CREATE TABLE programs (
  n INTEGER PRIMARY KEY,
  call INTEGER NOT NULL REFERENCES calls (n) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  boot INTEGER NOT NULL REFERENCES boots (n),
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX programs_of_call ON programs (call);

ALTER TABLE runs ADD COLUMN reply_to TEXT;
ALTER TABLE runs ADD COLUMN history INTEGER NOT NULL DEFAULT 0;

CREATE TABLE outbox (
  n INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  run_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('paused', 'decided', 'expiring', 'ended')),
  address TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  delivered_at INTEGER
) STRICT;
CREATE INDEX due_messages ON outbox (due_at) WHERE delivered_at IS NULL;

CREATE TABLE checkpoints (
  first INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  mac BLOB NOT NULL,
  seal BLOB NOT NULL
) STRICT;

CREATE TABLE sealed (
  run_id TEXT NOT NULL,
  token TEXT NOT NULL,
  box BLOB NOT NULL,
  PRIMARY KEY (run_id, token)
) STRICT, WITHOUT ROWID;
