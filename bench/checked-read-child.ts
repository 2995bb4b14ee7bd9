/**
 * What no resume goes below: a fresh process reads the rows of an everloop store's only run, checks both
 * hashes of each, parses it and hands it to code that waits for it, when microtasks have drained, as a
 * replay must: what the code does in between has to be the same every time.
 * Usage: checked-read-child.ts FILE
 */
const begun = performance.now()
const [{ hash }, { DatabaseSync }, { tellAndDie }] = await Promise.all([
  import('node:crypto'),
  import('node:sqlite'),
  import('./tell.ts'),
])

const pageRows = 200

type Row = readonly [payload: string, salt: string, digest: string, hash: string, ...unknown[]]

const sha256 = (text: string): string => hash('sha256', text, 'base64url')
const db = new DatabaseSync(process.argv[2] ?? '', { readOnly: true })
const run = db.prepare('SELECT id FROM runs').get()?.['id']
const select = db.prepare(
  `SELECT payload, salt, digest, hash, seq, epoch, time, scope, kind, key FROM entries
  WHERE run = 1 AND seq > ? AND seq <= ? ORDER BY seq`,
)
select.setReturnArrays(true)
const parsed: unknown[] = []
let previous = ''
for (let last = -1; last < parsed.length;) {
  last = parsed.length
  // By number: patterns in brackets and spreads go through iterators, which made this a fifth slower.
  select.all(last, last + pageRows).forEach((row) => {
    const { 0: payload, 1: salt, 2: digest, 3: link, 4: seq } = row as unknown as Row
    const { 5: epoch, 6: time, 7: scope, 8: kind, 9: key } = row
    if (sha256(`${salt}\n${payload}`) !== digest) throw new Error('A digest does not fit.')
    const lines = ['everloop/1', previous, run, seq, epoch, time, scope, kind, key, digest]
    previous = sha256(lines.join('\n'))
    if (previous !== link) throw new Error('A hash does not fit.')
    parsed.push(JSON.parse(payload))
  })
}
const settled = Promise.resolve()
const handed = (value: unknown): Promise<unknown> =>
  new Promise((resolve) => void settled.then(() => process.nextTick(resolve, value)))
for (const value of parsed) await handed(value)
tellAndDie({ ms: performance.now() - begun, rows: parsed.length })
