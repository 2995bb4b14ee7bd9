/**
 * Verifies an export without everloop, from docs/ledger-format.md alone: `node standalone-child.ts FILE`. Prints a
 * line for each run, or what is wrong, and ends with 1 then. It checks hashes, order and counts; of the
 * invariants those that need no fold.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

type Line = Readonly<Record<string, string | number | null>>

const sha256 = (...parts: readonly (string | Uint8Array)[]): string => {
  const sum = createHash('sha256')
  for (const part of parts) sum.update(part)
  return sum.digest('base64url')
}

function check(holds: boolean, what: string): asserts holds {
  if (holds) return
  process.stdout.write(`line ${number}: ${what}\n`)
  process.exit(1)
}

const named = /"\$":"ref","v":\[0,"([\w-]{43})"[\],]|"artifact":"([\w-]{43})"/g
const namesIn = (text: string): string[] =>
  Array.from(text.matchAll(named), ([, large, put]) => large ?? put ?? '')

let number = 0
let children = false
let isOver = false
let run: string | undefined
let previous = { seq: 0, hash: '', time: 0, epoch: 0 }
let below: string[] = []
/** Runs that are to come, the next one last, and all that were ever named. */
const awaited: string[] = []
const known = new Set<string>()
/** Artifacts since the last entry, in order, with what they name; and all before. */
let arrived: { readonly hash: string; readonly names: readonly string[] }[] = []
const artifacts = new Set<string>()
let pieces: Buffer[] = []
const count = { runs: 0, entries: 0, artifacts: 0 }

function entry(line: Line): void {
  const { seq, epoch, time, scope, kind, key, salt, digest, payload, hash } = line
  check(line['run'] === run, 'an entry of another run')
  check(seq === previous.seq + 1, 'entries are not numbered 1, 2, 3')
  check(Number(time) >= previous.time && Number(epoch) >= previous.epoch, 'time or epoch go back')
  check(payload === null || sha256(`${salt}\n${payload}`) === digest, 'payload and digest differ')
  const fields = [previous.hash, run, seq, epoch, time, scope, kind, key, digest]
  check(sha256(['everloop/1', ...fields].join('\n')) === hash, 'the hash does not fit')
  previous = { seq: Number(seq), hash: String(hash), time: Number(time), epoch: Number(epoch) }
  const names = namesIn(String(payload))
  for (const name of names) {
    if (artifacts.has(name)) continue
    const next = arrived.shift()
    check(next?.hash === name, `artifact ${name} does not stand before the entry`)
    artifacts.add(name)
    names.push(...next.names)
  }
  check(arrived.length === 0, 'an artifact that no entry names')
  if (kind === 'child.started' && payload !== null) {
    const { run: child } = JSON.parse(String(payload)) as { readonly run: string }
    if (!known.has(child) && !below.includes(child)) below.push(child)
  }
  count.entries++
}

function artifact({ hash, bytes, at, data }: Line): void {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  check(at === length, 'a piece of an artifact is missing')
  pieces.push(Buffer.from(String(data), 'base64'))
  const whole = Buffer.concat(pieces)
  if (whole.length < Number(bytes)) return
  pieces = []
  check(whole.length === bytes && sha256(whole) === hash, 'an artifact has another hash')
  arrived.push({ hash: String(hash), names: namesIn(whole.toString('latin1')) })
  count.artifacts++
}

function take(line: Line): void {
  const { is } = line
  check(!isOver && (pieces.length === 0 || is === 'artifact'), 'a line where none belongs')
  if (is === 'export') {
    check(number === 1 && line['of'] === 'everloop' && line['format'] === 1, 'not format 1')
    children = Boolean(line['children'])
    awaited.push(String(line['run']))
    known.add(String(line['run']))
  } else if (is === 'run' || is === 'missing-run') {
    check(run === undefined && awaited.pop() === line['run'], 'another run belongs here')
    if (is === 'run') run = String(line['run'])
    previous = { seq: 0, hash: '', time: 0, epoch: 0 }
  } else if (is === 'artifact') artifact(line)
  else if (is === 'missing-artifact') arrived.push({ hash: String(line['hash']), names: [] })
  else if (is === 'entry') entry(line)
  else if (is === 'head') {
    check(run !== undefined && line['run'] === run, 'the head of another run')
    check(line['seq'] === previous.seq && line['hash'] === previous.hash, 'not the last entry')
    process.stdout.write(`${run}: ${previous.seq} entries\n`)
    if (children) awaited.push(...below.toReversed())
    for (const child of below) known.add(child)
    below = []
    run = undefined
    count.runs++
  } else {
    check(is === 'end' && run === undefined && awaited.length === 0, 'something is missing')
    const { runs, entries, artifacts: kept } = line
    const isCount = runs === count.runs && entries === count.entries && kept === count.artifacts
    check(isCount, 'the counts differ')
    isOver = true
  }
}

for await (const text of createInterface({ input: createReadStream(process.argv[2] ?? '') })) {
  number++
  take(JSON.parse(text) as Line)
}
check(isOver, 'the last line is missing')
