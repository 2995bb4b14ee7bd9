-- application_id 1702259824
-- user_version 7
CREATE TABLE artifacts (
  hash TEXT NOT NULL UNIQUE,
  bytes BLOB NOT NULL
) STRICT;
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
CREATE TABLE everloop_accounts (
  run TEXT NOT NULL,
  name TEXT NOT NULL,
  amount REAL NOT NULL,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE everloop_stretches (
  run INTEGER NOT NULL,
  scope TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (run, scope, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE labels (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  run INTEGER NOT NULL,
  PRIMARY KEY (name, value, run)
) STRICT, WITHOUT ROWID;
CREATE TABLE messages (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  id TEXT,
  time REAL NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE TABLE questions (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  run INTEGER NOT NULL,
  scope TEXT NOT NULL,
  path TEXT NOT NULL,
  answered INTEGER NOT NULL
) STRICT;
CREATE TABLE queues (
  name TEXT PRIMARY KEY,
  concurrency INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE receipts (
  run INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
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
, shown INTEGER NOT NULL DEFAULT 0, title TEXT, spent TEXT NOT NULL DEFAULT '{}') STRICT;
CREATE TABLE scopes (
  run INTEGER NOT NULL,
  path TEXT NOT NULL,
  start INTEGER NOT NULL,
  PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
  token TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  lease REAL NOT NULL,
  since REAL NOT NULL,
  expires REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entries_by_seq ON entries (run, seq);
CREATE UNIQUE INDEX everloop_chunks_by_part ON everloop_chunks (run, path, epoch, attempt, part);
CREATE INDEX everloop_chunks_of_run ON everloop_chunks (run);
CREATE INDEX messages_of_run ON messages (run, kind, number);
CREATE UNIQUE INDEX questions_by_path ON questions (run, path);
CREATE INDEX questions_by_scope ON questions (run, scope);
CREATE INDEX runs_by_created ON runs (created);
CREATE INDEX runs_by_flow ON runs (flow);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_by_queue ON runs (queue);
CREATE INDEX runs_by_status ON runs (status);
CREATE INDEX runs_held ON runs (session) WHERE session IS NOT NULL;
CREATE INDEX runs_held_by_queue ON runs (queue) WHERE session IS NOT NULL;
CREATE INDEX runs_waiting ON runs (flow, version, queue, wake)
  WHERE session IS NULL AND wake IS NOT NULL;
CREATE INDEX runs_with_news ON runs (session) WHERE session IS NOT NULL AND inbox > 0;
CREATE INDEX signals_of_run ON messages (run, name, number) WHERE kind = 'signal';
