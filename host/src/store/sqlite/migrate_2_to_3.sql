-- From version 2 to version 3: runs that wait for their turn, what chat services call our messages, a
-- second group of reviewers, and how far triggers that follow the clock have come.
-- Runs with foreign keys off, inside one transaction.

-- A check cannot be changed in place, so the tables are made anew.
CREATE TABLE new_runs (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  role INTEGER NOT NULL REFERENCES roles (n),
  state TEXT NOT NULL
    CHECK (state = 'queued' OR state = 'running' OR state = 'paused' OR state = 'interrupted'
      OR state = 'completed' OR state = 'failed' OR state = 'cancelled'),
  owner TEXT CHECK ((owner IS NOT NULL) = (state = 'running')),
  fence INTEGER NOT NULL,
  prompt TEXT NOT NULL,
  "trigger" TEXT NOT NULL,
  requester TEXT NOT NULL,
  max_requests INTEGER NOT NULL,
  max_tool_calls INTEGER NOT NULL,
  max_wall_time INTEGER NOT NULL,
  requests INTEGER NOT NULL DEFAULT 0,
  tool_calls INTEGER NOT NULL DEFAULT 0,
  wall_ms INTEGER NOT NULL DEFAULT 0,
  input_tokens INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  turns INTEGER NOT NULL DEFAULT 0,
  outcome TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  reply_to TEXT,
  history INTEGER NOT NULL DEFAULT 0,
  conversation INTEGER REFERENCES conversations (n)
) STRICT;
INSERT INTO new_runs (n, id, role, state, owner, fence, prompt, "trigger", requester,
  max_requests, max_tool_calls, max_wall_time, requests, tool_calls, wall_ms, input_tokens, output_tokens, turns, outcome,
  created_at, updated_at, reply_to, history, conversation)
SELECT n, id, role, state, owner, fence, prompt, "trigger", requester, max_requests, max_tool_calls,
  max_wall_time, requests, tool_calls, wall_ms, input_tokens, output_tokens, turns, outcome,
  created_at, updated_at, reply_to, history, conversation
FROM runs;
DROP TABLE runs;
ALTER TABLE new_runs RENAME TO runs;
CREATE INDEX unfinished_runs ON runs (role)
  WHERE (state = 'queued' OR state = 'running' OR state = 'paused' OR state = 'interrupted');
CREATE INDEX queued_runs ON runs (role) WHERE state = 'queued';
CREATE INDEX runs_of_conversation ON runs (conversation) WHERE conversation IS NOT NULL;
CREATE INDEX running_runs ON runs (owner) WHERE state = 'running';

CREATE TABLE new_outbox (
  n INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  run_id TEXT NOT NULL,
  kind TEXT NOT NULL
    CHECK (kind IN ('paused', 'decided', 'expiring', 'escalated', 'ended')),
  address TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  delivered_at INTEGER,
  receipt TEXT
) STRICT;
INSERT INTO new_outbox (n, key, run_id, kind, address, body, created_at, due_at, failures, error, delivered_at)
SELECT n, key, run_id, kind, address, body, created_at, due_at, failures, error, delivered_at
FROM outbox;
DROP TABLE outbox;
ALTER TABLE new_outbox RENAME TO outbox;
CREATE INDEX due_messages ON outbox (due_at) WHERE delivered_at IS NULL;
CREATE INDEX receipts ON outbox (run_id) WHERE receipt IS NOT NULL;

ALTER TABLE pending_approvals ADD COLUMN escalated_at INTEGER;
ALTER TABLE pending_approvals ADD COLUMN escalates_at INTEGER;
CREATE INDEX escalating_approvals ON pending_approvals (escalates_at)
  WHERE resolved_at IS NULL AND escalates_at IS NOT NULL AND escalated_at IS NULL;

CREATE TABLE trigger_marks (
  role TEXT NOT NULL,
  "trigger" TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (role, "trigger")
) STRICT, WITHOUT ROWID;
