-- The whole database of initrunner. Times are microseconds since 1970-01-01T00:00:00Z.
-- `n` is a row's number inside this file, kept small because thousands of rows name it; ids are what
-- everybody else uses.

-- What runs were made of: one row per distinct role, however many runs share it.
CREATE TABLE roles (
  n INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE, -- over everything below and the components
  name TEXT NOT NULL,
  path BLOB NOT NULL,          -- of the role file, absolute, as the operating system writes it
  text TEXT NOT NULL,
  files TEXT NOT NULL          -- JSON object: other texts the role names, by path
) STRICT;

CREATE TABLE role_components (
  role INTEGER NOT NULL REFERENCES roles (n),
  position INTEGER NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (role, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX role_components_by_digest ON role_components (digest);

-- Small rows that change, apart from large ones that do not.
CREATE TABLE components (
  n INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  unused_since INTEGER         -- when the last unfinished run that needs it ended
) STRICT;

CREATE TABLE component_bytes (
  component INTEGER PRIMARY KEY REFERENCES components (n) ON DELETE CASCADE,
  bytes BLOB NOT NULL
) STRICT;

-- Conversations: the runs of one follow each other, each after the one before has ended.
CREATE TABLE conversations (
  n INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,         -- an authenticated identity
  role TEXT NOT NULL,          -- the role's name
  id TEXT NOT NULL,            -- as the owner calls it
  UNIQUE (owner, role, id)
) STRICT;

CREATE TABLE runs (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  role INTEGER NOT NULL REFERENCES roles (n),
  state TEXT NOT NULL
    CHECK (state IN ('running', 'paused', 'interrupted', 'completed', 'failed', 'cancelled')),
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
  reply_to TEXT,               -- where to tell what becomes of it
  history INTEGER NOT NULL DEFAULT 0, -- how many of its messages came before the prompt
  conversation INTEGER REFERENCES conversations (n)
) STRICT;
CREATE INDEX unfinished_runs ON runs (role) WHERE state IN ('running', 'paused', 'interrupted');
CREATE INDEX runs_of_conversation ON runs (conversation) WHERE conversation IS NOT NULL;
CREATE INDEX running_runs ON runs (owner) WHERE state = 'running';

-- The history: one row per message but the prompt, in order of `n`, never changed.
CREATE TABLE messages (
  n INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (n),
  message TEXT NOT NULL        -- JSON
) STRICT;
CREATE INDEX messages_of_run ON messages (run);

-- What approvals are for, as far as calls of one entry share it.
CREATE TABLE bindings (
  n INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  parts TEXT NOT NULL,         -- JSON object: part to digest
  details TEXT                 -- JSON object: part to what may be told of it, for saying what changed
) STRICT;

-- Who must approve: one row per distinct rule. The plain rule (one person, whoever it is, no time
-- limit) has none.
CREATE TABLE rules (
  n INTEGER PRIMARY KEY,
  rule TEXT NOT NULL UNIQUE    -- JSON
) STRICT;

-- Every approval that was ever asked for; a call that waits again has another row. Rows outlive their
-- run, so they name it by id. `n` is the version that a person is shown and decides about.
CREATE TABLE pending_approvals (
  n INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL,
  tool_call_id TEXT NOT NULL,
  tool TEXT NOT NULL,          -- as the model named it
  agent TEXT NOT NULL,         -- the role's name
  state TEXT NOT NULL CHECK (state IN ('waiting', 'unknown')),
  arguments TEXT NOT NULL,
  preview_format TEXT,
  preview TEXT,
  shared_binding INTEGER REFERENCES bindings (n),
  binding TEXT,                -- JSON object: the parts of this call alone
  changed TEXT,                -- JSON array: what changed since it was last approved
  created_at INTEGER NOT NULL,
  resolved_at INTEGER,         -- set without a decision: the run ended before anybody decided
  resolved_by TEXT,
  authenticated_as TEXT,
  decision TEXT CHECK (decision IN ('approve', 'deny', 'expired', 'edited')),
  reason TEXT,
  rule INTEGER REFERENCES rules (n),
  source INTEGER REFERENCES pending_approvals (n), -- the row that this one replaces or repeats
  expires_at INTEGER,          -- as the clock said when it was asked
  opened_boot INTEGER REFERENCES boots (n), -- since when it waits, whatever the clock says; only
  opened_uptime INTEGER,                    -- where it expires
  warned_at INTEGER,           -- when people were warned that it is about to expire
  warned_boot INTEGER REFERENCES boots (n),
  warned_uptime INTEGER
) STRICT;
CREATE INDEX open_approvals ON pending_approvals (created_at) WHERE resolved_at IS NULL;
CREATE INDEX expiring_approvals ON pending_approvals (expires_at)
  WHERE resolved_at IS NULL AND expires_at IS NOT NULL;

-- Approvals that were not enough by themselves. The decision that settles a request is in its row.
-- An edit makes another request, which has none of the votes of the one before.
CREATE TABLE votes (
  n INTEGER PRIMARY KEY,
  request INTEGER NOT NULL REFERENCES pending_approvals (n),
  authenticated_as TEXT NOT NULL,
  resolved_by TEXT NOT NULL,
  at INTEGER NOT NULL,
  UNIQUE (request, authenticated_as)
) STRICT;

-- Starts of the machine: uptime is comparable within one.
CREATE TABLE boots (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  clock_offset INTEGER         -- of the clock against the uptime, as last noticed
) STRICT;

CREATE TABLE calls (
  n INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (n),
  id TEXT NOT NULL,
  turn INTEGER NOT NULL,
  position INTEGER NOT NULL,
  entry TEXT NOT NULL,
  tool TEXT NOT NULL,
  model_tool TEXT NOT NULL,
  provider_id TEXT,
  arguments TEXT NOT NULL,
  state TEXT NOT NULL,
  request INTEGER REFERENCES pending_approvals (n), -- the latest one
  attempts INTEGER NOT NULL DEFAULT 0,
  result TEXT,
  told INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  proposed TEXT,               -- the model's canonical arguments, where a person edited them
  UNIQUE (run, id)
) STRICT;

-- Programs that calls started: a process is its number and when it started.
CREATE TABLE programs (
  n INTEGER PRIMARY KEY,
  call INTEGER NOT NULL REFERENCES calls (n) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  start_time INTEGER NOT NULL, -- in clock ticks since the machine started (proc(5), field 22)
  boot INTEGER NOT NULL REFERENCES boots (n),
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX programs_of_call ON programs (call);

-- Values that look like secrets, encrypted, until their run ends. Texts have the token in their place.
CREATE TABLE sealed (
  run_id TEXT NOT NULL,
  token TEXT NOT NULL,
  box BLOB NOT NULL,           -- nonce and ciphertext
  PRIMARY KEY (run_id, token)
) STRICT, WITHOUT ROWID;

-- What is to be told outside, written with what makes it true.
CREATE TABLE outbox (
  n INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,    -- names the event; a message sent twice has the same one
  run_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('paused', 'decided', 'expiring', 'ended')),
  address TEXT NOT NULL,
  body TEXT NOT NULL,          -- canonical JSON: which call, which state; no contents
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,     -- moves on while somebody sends it, and after each failure
  failures INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  delivered_at INTEGER
) STRICT;
CREATE INDEX due_messages ON outbox (due_at) WHERE delivered_at IS NULL;

-- Requests that clients may send again, by their keys: for a day, or as long as the run is there.
CREATE TABLE idempotency (
  key BLOB NOT NULL PRIMARY KEY,  -- digest of who sent it, and of the key they gave it
  request BLOB NOT NULL,        -- digest of what was asked
  run_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  seal BLOB NOT NULL            -- HMAC-SHA256 over the row
) STRICT, WITHOUT ROWID;

-- The journal: never changed, each row chained to the one before it.
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  call_id TEXT,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,          -- canonical JSON (RFC 8785)
  mac BLOB NOT NULL
) STRICT;
CREATE INDEX events_of_run ON events (run_id);

-- What stands for events that pruning removed: one row per hole in the journal.
CREATE TABLE checkpoints (
  first INTEGER PRIMARY KEY,   -- the first event of the hole
  last INTEGER NOT NULL,       -- and the last
  mac BLOB NOT NULL,           -- the code of the last one
  seal BLOB NOT NULL           -- HMAC-SHA256 over the row and the code before the hole
) STRICT;
