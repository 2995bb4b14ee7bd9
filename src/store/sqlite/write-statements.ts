/**
 * The statements of the writer, and those that claims look with: these a reader executes, too. Each is one
 * constant with the reason for its shape; a test asks SQLite for the plan of each and refuses scans.
 *
 * None that writes a row says RETURNING: for what might go wrong while it returns rows, SQLite copies each
 * page that such a statement changes, beyond 64 KiB into a temporary file.
 */
import { runColumns } from './rows.ts'

// Runs.

/** Fence and head check (S3): no row means that one of them does not hold. */
export const checkRun: string = `
SELECT key, newest, asking, status, shown, spent,
  (SELECT scope FROM entries WHERE entries.run = runs.key AND entries.seq = runs.seq)
FROM runs WHERE id = ? AND session = ? AND epoch = ? AND seq = ? AND hash = ? AND newest <= ?`

/** Touches no indexed column. */
export const moveHead: string =
  'UPDATE runs SET seq = ?, hash = ?, updated = ?, spent = ?, barren = 0 WHERE key = ?'

/** Check and move at once, for a run that the writer knows: no row changes when it knows too little. */
export const moveKnownHead: string = `
UPDATE runs SET seq = ?, hash = ?, updated = ?, spent = ?, barren = 0
WHERE key = ? AND session = ? AND epoch = ? AND seq = ? AND hash = ? AND newest = ? AND shown = ?`

/** Why an append was refused. */
export const runHead: string = 'SELECT session, epoch, seq, hash, newest FROM runs WHERE id = ?'

export const runById: string = `SELECT ${runColumns} FROM runs WHERE id = ?`

/** What a message needs to know of its run. */
export const receiver: string = 'SELECT key, status, session IS NULL, newest FROM runs WHERE id = ?'

/** Whether somebody wants the run to go on from its failure, and no holder knows yet. */
export const untakenRetry: string =
  "SELECT 1 FROM messages WHERE run = ? AND kind = 'retry' LIMIT 1"

/** Writes nothing when the id is taken. */
export const insertRun: string = `
INSERT INTO runs (id, flow, version, queue, labels, parent, status, created, updated, seq, hash,
  epoch, wake, crashes, overtakes, barren, newest, inbox, asking)
VALUES (?, ?, ?, ?, ?, ?, 'active', ?, ?, 1, ?, 0, ?, 0, 0, 0, 0, 0, 0)
ON CONFLICT (id) DO NOTHING`

/** An imported run stands at its last entry, and nobody is to take it. */
export const endImport: string =
  'UPDATE runs SET seq = ?, hash = ?, updated = ?, epoch = ?, wake = NULL WHERE id = ?'

export const runKeyOf: string = 'SELECT key FROM runs WHERE id = ?'

export const setTitle: string = 'UPDATE runs SET title = ? WHERE key = ?'

export const setVersion: string = 'UPDATE runs SET version = ? WHERE key = ?'

export const insertLabel: string = 'INSERT INTO labels (name, value, run) VALUES (?, ?, ?)'

/** Apart from moveHead, because it moves index entries. */
export const setStatus: string = 'UPDATE runs SET status = ?, code = ? WHERE key = ?'

export const setAsking: string = 'UPDATE runs SET asking = ? WHERE key = ?'

export const releaseRun: string = 'UPDATE runs SET session = NULL, wake = ? WHERE key = ?'

// Entries and their projections.

export const insertEntry: string = `
INSERT INTO entries (run, seq, epoch, time, scope, kind, key, salt, digest, hash, payload)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** The scope goes on behind entries of another. */
export const insertStretch: string = `
INSERT INTO everloop_stretches (run, scope, seq) VALUES (?, ?, ?) ON CONFLICT (run, scope, seq) DO NOTHING`

export const scopesFrom: string =
  'SELECT seq, scope FROM entries WHERE run = ? AND seq >= ? ORDER BY seq'

/** For imports: whether the run that is here holds this entry. */
export const entryHash: string =
  'SELECT hash FROM entries WHERE run = (SELECT key FROM runs WHERE id = ?) AND seq = ?'

/** For question-closed: whether this entry once asked. */
export const entryKind: string = 'SELECT kind FROM entries WHERE run = ? AND seq = ?'

/** The position that the entry just written got. */
export const entryPosition: string = 'SELECT position FROM entries WHERE run = ? AND seq = ?'

export const scopeRows: string = 'SELECT path FROM scopes WHERE run = ? LIMIT ?'

export const scopeRow: string = 'SELECT 1 FROM scopes WHERE run = ? AND path = ?'

/** The last entry of other scopes: there is one, because the first entry of all has scope "". */
export const lastOutside: string =
  'SELECT seq FROM entries WHERE run = ? AND scope <> ? ORDER BY seq DESC LIMIT 1'

/** An open scope stays as it is. */
export const openScope: string = `
INSERT INTO scopes (run, path, start) VALUES (?, ?, ?) ON CONFLICT (run, path) DO NOTHING`

/** A move by a turn, or a scope that a retry opens again. */
export const putScope: string = `
INSERT INTO scopes (run, path, start) VALUES (?, ?, ?)
ON CONFLICT (run, path) DO UPDATE SET start = excluded.start`

/**
 * The scope and all inside it. "0" follows "/" in ASCII, so the range holds them all, and perhaps
 * siblings such as "a b" beside "a": these are what the second line is for.
 */
export const closeScopes: string = `
DELETE FROM scopes WHERE run = ?1 AND path >= ?2 AND path < ?2 || '0'
  AND (path = ?2 OR substr(path, length(?2) + 1, 1) = '/')`

export const closeQuestions: string = `
DELETE FROM questions WHERE run = ?1 AND scope >= ?2 AND scope < ?2 || '0'
  AND (scope = ?2 OR substr(scope, length(?2) + 1, 1) = '/')`

export const insertQuestion: string = `
INSERT INTO questions (position, id, run, scope, path, answered) VALUES (?, ?, ?, ?, ?, 0)`

export const settleQuestion: string = 'DELETE FROM questions WHERE run = ? AND path = ?'

export const settleAllQuestions: string = 'DELETE FROM questions WHERE run = ?'

/** An answer was refused: the question is open again. */
export const askAgain: string = 'UPDATE questions SET answered = 0 WHERE run = ? AND path = ?'

/** Finds a row only while the question waits for an answer. */
export const answerQuestion: string =
  'UPDATE questions SET answered = ? WHERE id = ? AND answered = 0'

export const setSpent: string = 'UPDATE runs SET spent = ? WHERE key = ?'

/** As `addedTo` adds. */
export const charge: string = `
INSERT INTO everloop_accounts (run, name, amount) VALUES (?, ?, ?)
ON CONFLICT (run, name) DO UPDATE
SET amount = max(-${Number.MAX_VALUE}, min(amount + excluded.amount, ${Number.MAX_VALUE}))`

// Chunks.

export const heldRun: string =
  'SELECT key, seq FROM runs WHERE id = ? AND session = ? AND epoch = ?'

export const insertChunk: string = `
INSERT INTO everloop_chunks (run, path, epoch, attempt, part, seq, text) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, path, epoch, attempt, part) DO NOTHING`

export const dropOtherAttempts: string =
  'DELETE FROM everloop_chunks WHERE run = ? AND path = ? AND (epoch, attempt) <> (?, ?)'

export const noteShown: string = 'UPDATE runs SET shown = shown + ? WHERE key = ?'

export const dropChunks: string = 'DELETE FROM everloop_chunks WHERE run = ? AND path = ?'

/** Of all operations inside a scope: "0" follows "/" in ASCII. */
export const dropChunksWithin: string = `
DELETE FROM everloop_chunks WHERE run = ?1 AND path > ?2 || '/' AND path < ?2 || '0'`

export const dropAllChunks: string = 'DELETE FROM everloop_chunks WHERE run = ?'

/** Node 22.18 takes no bytes for NULL. */
export const insertArtifact: string = `
INSERT INTO artifacts (hash, bytes) VALUES (?, ifnull(?, x'')) ON CONFLICT (hash) DO NOTHING`

// Messages.

/** No row when a message of this id came before. */
export const insertReceipt: string = `
INSERT INTO receipts (run, id) VALUES (?, ?) ON CONFLICT (run, id) DO NOTHING`

export const receipt: string = 'SELECT 1 FROM receipts WHERE run = ? AND id = ?'

export const insertMessage: string = `
INSERT INTO messages (run, kind, name, id, time, payload) VALUES (?, ?, ?, ?, ?, ?)`

/** A message for a run that goes on as it is. */
export const noteMessage: string = 'UPDATE runs SET newest = ?, inbox = inbox + 1 WHERE key = ?'

/** A message that makes a free run due (S4). */
export const noteWaking: string = `
UPDATE runs SET newest = ?1, inbox = inbox + 1, wake = min(ifnull(wake, ?2), ?2) WHERE key = ?3`

/** By the append that names it (S5). Changes no row when it is gone already. */
export const takeMessage: string = 'DELETE FROM messages WHERE number = ? AND run = ?'

export const noteTaken: string = 'UPDATE runs SET inbox = inbox - ? WHERE key = ?'

/** Kinds of the messages that a holder has not seen. All kinds are named for the index's sake. */
export const unseenMessages: string = `
SELECT DISTINCT kind FROM messages
WHERE run = ? AND kind IN ('signal', 'answer', 'cancel', 'pause', 'resume', 'retry', 'child')
  AND number > ?`

// Sessions, claims, queues.

export const insertSession: string = `
INSERT INTO sessions (token, name, lease, since, expires) VALUES (?1, ?2, ?3, ?4, ?4 + ?3)
ON CONFLICT (token) DO NOTHING`

export const renewSession: string = 'UPDATE sessions SET expires = lease + ? WHERE token = ?'

export const deleteSession: string = 'DELETE FROM sessions WHERE token = ?'

export const sessionExpiry: string = 'SELECT expires FROM sessions WHERE token = ?'

/** `token > ''` makes it a search, though it finds every row: there are few. */
export const allSessions: string = `
SELECT token, expires, lease, EXISTS (SELECT 1 FROM runs WHERE runs.session = sessions.token)
FROM sessions WHERE token > ''`

/** Its session was closed. */
export const freeRuns: string = 'UPDATE runs SET session = NULL, wake = ? WHERE session = ?'

export const freeCrashed: string = `
UPDATE runs SET session = NULL, wake = ?, crashes = crashes + 1, barren = barren + 1
WHERE session = ?`

export const freeOvertaken: string = `
UPDATE runs SET session = NULL, wake = ?, overtakes = overtakes + 1, barren = barren + 1
WHERE session = ?`

/** The next queue in which runs of this flow and version wait, and its earliest due time. */
export const nextLane: string = `
SELECT queue, wake FROM runs
WHERE session IS NULL AND wake IS NOT NULL AND flow = ? AND version = ? AND queue > ?
ORDER BY queue, wake LIMIT 1`

/** The first lane: no queue is called less than "". */
export const firstLane: string = `
SELECT queue, wake FROM runs
WHERE session IS NULL AND wake IS NOT NULL AND flow = ? AND version = ?
ORDER BY queue, wake LIMIT 1`

/** What is due in a lane, and whether it is a suspect, as `isSuspect` says. */
export const dueRuns: string = `
SELECT key, wake, barren > 1 FROM runs
WHERE session IS NULL AND wake IS NOT NULL AND flow = ? AND version = ? AND queue = ? AND wake <= ?
ORDER BY wake, key LIMIT ?`

// The same without suspects: these are few, so stepping over them needs no index of its own.

export const nextSoundLane: string = `
SELECT queue, wake FROM runs
WHERE session IS NULL AND wake IS NOT NULL AND flow = ? AND version = ? AND queue > ? AND barren < 2
ORDER BY queue, wake LIMIT 1`

export const firstSoundLane: string = `
SELECT queue, wake FROM runs
WHERE session IS NULL AND wake IS NOT NULL AND flow = ? AND version = ? AND barren < 2
ORDER BY queue, wake LIMIT 1`

export const soundDueRuns: string = `
SELECT key, wake, 0 FROM runs
WHERE session IS NULL AND wake IS NOT NULL AND flow = ? AND version = ? AND queue = ? AND wake <= ?
  AND barren < 2
ORDER BY wake, key LIMIT ?`

export const takeRun: string = 'UPDATE runs SET session = ?, epoch = epoch + 1 WHERE key = ?'

export const runByKey: string = `SELECT ${runColumns} FROM runs WHERE key = ?`

/** The run, unless somebody holds it. */
export const freeRun: string = 'SELECT key FROM runs WHERE id = ? AND session IS NULL'

export const queueLimit: string = 'SELECT concurrency FROM queues WHERE name = ?'

/** Each claim asks. SQLite would take the index that has all runs which ever were in the queue. */
export const heldInQueue: string = `
SELECT count(*) FROM runs INDEXED BY runs_held_by_queue WHERE session IS NOT NULL AND queue = ?`

export const addQueue: string = `
INSERT INTO queues (name, concurrency) VALUES (?, NULL) ON CONFLICT (name) DO NOTHING`

export const limitQueue: string = `
INSERT INTO queues (name, concurrency) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET concurrency = excluded.concurrency`
