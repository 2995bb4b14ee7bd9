/**
 * The schema, as numbered steps from an empty file to the present. A released step is never
 * changed; test/store/schema.test.ts compares the outcome with a manifest.
 *
 * Conventions: `run` is runs.key, a small integer, because an id of 200 characters would stand in
 * every index entry. Times are REAL: whole milliseconds in practice, but clocks may have fractions.
 * Users may have tables of their own in the file (run.transact): names given from version 2 on begin
 * with `everloop_`, so that they never meet a user's. Payloads come last in their rows, so that reading
 * the columns before them never touches the overflow pages of a large one.
 */

/** Written into the file's header: "evlp". Other files with tables are refused. */
export const applicationId = 0x65766c70

/** Step n leads from version n - 1 to version n. */
export const migrations: readonly string[] = [
  `
CREATE TABLE runs (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  flow TEXT NOT NULL,
  version TEXT NOT NULL,
  queue TEXT NOT NULL,
  parent TEXT,
  status TEXT NOT NULL,
  code TEXT,
  created REAL NOT NULL,
  updated REAL NOT NULL,
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  session TEXT,
  wake REAL,
  crashes INTEGER NOT NULL,
  overtakes INTEGER NOT NULL,
  barren INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  inbox INTEGER NOT NULL,
  asking INTEGER NOT NULL,
  labels TEXT NOT NULL
) STRICT;

-- Runs that a worker may claim, by what it can execute: an idle poll reads one row per lane.
CREATE INDEX runs_waiting ON runs (flow, version, queue, wake)
  WHERE session IS NULL AND wake IS NOT NULL;
CREATE INDEX runs_held ON runs (session) WHERE session IS NOT NULL;
CREATE INDEX runs_held_by_queue ON runs (queue) WHERE session IS NOT NULL;
CREATE INDEX runs_with_news ON runs (session) WHERE session IS NOT NULL AND inbox > 0;
CREATE INDEX runs_by_status ON runs (status);
CREATE INDEX runs_by_flow ON runs (flow);
CREATE INDEX runs_by_queue ON runs (queue);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_by_created ON runs (created);

CREATE TABLE labels (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  run INTEGER NOT NULL,
  PRIMARY KEY (name, value, run)
) STRICT, WITHOUT ROWID;

-- position is the commit order of the whole store: rows are never deleted, and writers take turns.
CREATE TABLE entries (
  position INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  time REAL NOT NULL,
  scope TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  salt TEXT,
  digest TEXT NOT NULL,
  hash TEXT NOT NULL,
  payload TEXT
) STRICT;
CREATE UNIQUE INDEX entries_by_seq ON entries (run, seq);
CREATE INDEX entries_by_scope ON entries (run, scope, seq);

-- The first needed entry of each open scope but "".
CREATE TABLE scopes (
  run INTEGER NOT NULL,
  path TEXT NOT NULL,
  start INTEGER NOT NULL,
  PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;

-- Open questions. position is that of the entry that asked, where the rest is read.
CREATE TABLE questions (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  run INTEGER NOT NULL,
  scope TEXT NOT NULL,
  path TEXT NOT NULL,
  answered INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX questions_by_path ON questions (run, path);
CREATE INDEX questions_by_scope ON questions (run, scope);

-- Messages that nobody has taken. AUTOINCREMENT: numbers grow although rows go.
CREATE TABLE messages (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  id TEXT,
  time REAL NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE INDEX messages_of_run ON messages (run, kind, number);
CREATE INDEX signals_of_run ON messages (run, name, number) WHERE kind = 'signal';

-- Ids of all messages ever delivered, also of those taken.
CREATE TABLE receipts (
  run INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  token TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  lease REAL NOT NULL,
  since REAL NOT NULL,
  expires REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- Every queue that ever had a run or a limit.
CREATE TABLE queues (
  name TEXT PRIMARY KEY,
  concurrency INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
  hash TEXT NOT NULL UNIQUE,
  bytes BLOB NOT NULL
) STRICT;
`,
  `
-- What was charged to a run, by name of the amount. The run as its id: it need not be here.
CREATE TABLE everloop_accounts (
  run TEXT NOT NULL,
  name TEXT NOT NULL,
  amount REAL NOT NULL,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
`,
  `
-- Text of operations that have no outcome yet. AUTOINCREMENT: numbers grow although rows go.
CREATE TABLE everloop_chunks (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL,
  path TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  part INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX everloop_chunks_by_part ON everloop_chunks (run, path, epoch, attempt, part);
CREATE INDEX everloop_chunks_of_run ON everloop_chunks (run);

-- How many chunks a run has: spares all appends that end nothing shown the look for them.
ALTER TABLE runs ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
`,
  `
-- What people call the run.
ALTER TABLE runs ADD COLUMN title TEXT;
`,
  `
-- Where entries of a scope follow one of another scope: the beginnings of the stretches in which a
-- scope's entries lie. A row for each change of scope, where an index would need one for each entry.
CREATE TABLE everloop_stretches (
  run INTEGER NOT NULL,
  scope TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (run, scope, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO everloop_stretches
  SELECT run, scope, seq FROM (
    SELECT run, scope, seq, lag(scope) OVER (PARTITION BY run ORDER BY seq) AS before FROM entries
  ) WHERE before IS NOT scope;
DROP INDEX entries_by_scope;
`,
  `
-- Not every open scope and stretch has a row from here on (trail.ts). Who takes it for granted must not read
-- the file.
`,
  `
-- What the run's own entries charged it, as JSON by name of the amount: this row is written with each of
-- them anyway. What others charged it, and all that was charged before, stands in everloop_accounts.
ALTER TABLE runs ADD COLUMN spent TEXT NOT NULL DEFAULT '{}';
`,
]

/** The version that this code reads and writes. */
export const schemaVersion: number = migrations.length
