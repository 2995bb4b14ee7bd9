/**
 * The statements of the reader, but for those of claims (write-statements.ts). Each is one constant with the reason for its shape; a test asks
 * SQLite for the plan of each and refuses scans.
 */
import { entryColumns, listLengths, messageColumns, runColumns } from './rows.ts'

export const begin: string = 'BEGIN'

export const end: string = 'COMMIT'

/** Changes when another connection has committed. */
export const dataVersion: string = 'PRAGMA data_version'

// Runs. Listings go from the newest down, beginning before a key.

export const runById: string = `SELECT ${runColumns} FROM runs WHERE id = ?`

export const runKey: string = 'SELECT key FROM runs WHERE id = ?'

/** Where a resume stands: what is appended later does not belong to the snapshot. */
export const runHead: string = 'SELECT key, seq FROM runs WHERE id = ?'

/**
 * The oldest run that a listing since some time can hold. `+` leads SQLite by the time: it would go through
 * all runs from the oldest on until it came to one.
 */
export const firstKeySince: string = 'SELECT min(+key) FROM runs WHERE created >= ?'

const listed = `SELECT runs.key, ${runColumns} FROM runs`

/** One statement for each way to find runs; what else the filter says is checked row by row. */
export const runsByKey: string = `
${listed} WHERE key < ? ORDER BY key DESC`

export const runsByStatus: string = `
${listed} WHERE status = ? AND key < ? ORDER BY key DESC`

export const runsByFlow: string = `
${listed} WHERE flow = ? AND key < ? ORDER BY key DESC`

export const runsByQueue: string = `
${listed} WHERE queue = ? AND key < ? ORDER BY key DESC`

export const runsByParent: string = `
${listed} WHERE parent = ? AND key < ? ORDER BY key DESC`

export const runsBySession: string = `
${listed} WHERE session = ? AND key < ? ORDER BY key DESC`

export const runsByLabel: string = `
SELECT runs.key, ${runColumns} FROM labels CROSS JOIN runs ON runs.key = labels.run
WHERE labels.name = ? AND labels.value = ? AND labels.run < ?
ORDER BY labels.run DESC`

/**
 * Sorts what it finds: prefixes are typed by people and fit few. `+` leads SQLite by the id: it would go
 * through all runs, because they are in order of their keys.
 */
export const runsByPrefix: string = `
${listed} WHERE id >= ? AND id < ? AND +key < ? ORDER BY key DESC`

// Entries.

export const entriesAfter: string = `
SELECT ${entryColumns} FROM entries WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?`

/** A statement with a list, in the form for a few values and in that for many. */
export interface Listing {
  readonly few: string
  readonly many: string
}

const listing = (statement: (list: string) => string): Listing => ({
  few: statement(marks(listLengths.few)),
  many: statement(marks(listLengths.many)),
})

const marks = (count: number): string => Array.from({ length: count }, () => '?').join(', ')

const previous = `(
  SELECT hash FROM entries AS before
  WHERE before.run = entries.run AND before.seq = entries.seq - 1)`

/** Without the hashes of predecessors, where they are mostly among them. */
export const entriesOfScopes: Listing = listing(
  (list) => `
SELECT ${entryColumns}, NULL FROM entries
WHERE run = ? AND seq > ? AND seq <= ? AND scope IN (${list}) ORDER BY seq`,
)

/** With the hashes of predecessors, where they lie in other scopes: looked up here it takes a quarter. */
export const entriesOfScopesLinked: Listing = listing(
  (list) => `
SELECT ${entryColumns}, ${previous} FROM entries
WHERE run = ? AND seq > ? AND seq <= ? AND scope IN (${list}) ORDER BY seq`,
)

/** The same for more scopes than the list takes. */
export const entriesBetween: string = `
SELECT ${entryColumns}, ${previous} FROM entries
WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq`

/** Where a scope's entries begin again behind those of others. */
export const stretchesOf: string = `
SELECT seq FROM everloop_stretches WHERE run = ? AND scope = ? AND seq > ? AND seq <= ? ORDER BY seq`

export const entriesListed: Listing = listing(
  (list) => `
SELECT ${entryColumns}, ${previous} FROM entries WHERE run = ? AND seq IN (${list}) ORDER BY seq`,
)

/** The predecessor's hash. */
export const hashAt: string = 'SELECT hash FROM entries WHERE run = ? AND seq = ?'

export const entriesFrom: string = `
SELECT entries.position, runs.id, entries.run, ${entryColumns}
FROM entries CROSS JOIN runs ON runs.key = entries.run
WHERE entries.position > ? ORDER BY entries.position LIMIT ?`

/** But for one that may have no row: trail.ts. */
export const openScopes: string = 'SELECT path, start FROM scopes WHERE run = ?'

export const scopeAt: string = 'SELECT scope FROM entries WHERE run = ? AND seq = ?'

export const chunksOf: string = `
SELECT number, path, epoch, attempt, part, seq, text FROM everloop_chunks
WHERE run = ? AND number > ? ORDER BY number LIMIT ?`

// Messages.

/** All kinds but signals, by name for the index's sake. */
export const messagesOfRun: string = `
SELECT ${messageColumns} FROM messages
WHERE run = ? AND kind IN ('answer', 'cancel', 'pause', 'resume', 'retry', 'child')
ORDER BY number`

export const oldestSignal: string = `
SELECT ${messageColumns} FROM messages
WHERE run = ? AND kind = 'signal' AND name = ? ORDER BY number LIMIT 1`

export const untakenSignals: string = `
SELECT name, count(*) FROM messages
WHERE run = ? AND kind = 'signal' GROUP BY name ORDER BY min(number) LIMIT ?`

export const newsOfSession: string = `
SELECT id, newest FROM runs WHERE session = ? AND inbox > 0 ORDER BY key`

// Questions. The entry that asked has the rest.

const question = `
SELECT runs.id, questions.answered, ${entryColumns}
FROM questions CROSS JOIN entries ON entries.position = questions.position
  CROSS JOIN runs ON runs.key = questions.run`

/** All: a search from the beginning. */
export const questionsAll: string = `
${question} WHERE questions.position > 0 ORDER BY questions.position`

export const questionsOfRun: string = `
${question} WHERE questions.run = ? ORDER BY questions.position`

export const questionsByPrefix: string = `
${question} WHERE questions.id >= ? AND questions.id < ? ORDER BY questions.position`

// The rest.

/** What others have charged the run, and what it charged itself. */
export const accountOf: string = 'SELECT name, amount FROM everloop_accounts WHERE run = ?'
export const spentBy: string = 'SELECT spent FROM runs WHERE id = ?'

export const artifactBytes: string = 'SELECT bytes FROM artifacts WHERE hash = ?'

/** `token > ''` makes it a search, though it finds every row: there are few. */
export const sessionsAll: string = `
SELECT token, name, lease, since, expires,
  (SELECT count(*) FROM runs WHERE runs.session = sessions.token)
FROM sessions WHERE token > '' ORDER BY since, token`

/** Names may be empty, hence >=. The index is named as in `heldInQueue`. */
export const queuesAll: string = `
SELECT name, concurrency,
  (SELECT count(*) FROM runs INDEXED BY runs_held_by_queue
   WHERE runs.session IS NOT NULL AND runs.queue = queues.name)
FROM queues WHERE name >= '' ORDER BY name`

/** Flow, version and queue of the next runs that wait; with dueInLane it counts a queue's due runs. */
export const nextLane: string = `
SELECT flow, version, queue FROM runs
WHERE session IS NULL AND wake IS NOT NULL AND (flow, version, queue) > (?, ?, ?)
ORDER BY flow, version, queue LIMIT 1`

export const firstLane: string = `
SELECT flow, version, queue FROM runs
WHERE session IS NULL AND wake IS NOT NULL AND flow >= ''
ORDER BY flow, version, queue LIMIT 1`

export const dueInLane: string = `
SELECT count(*) FROM runs
WHERE session IS NULL AND wake IS NOT NULL AND flow = ? AND version = ? AND queue = ? AND wake <= ?`
