/**
 * Holds a ledger against the world outside, after a kill and a recovery.
 *
 * A body that is executed without a kill leaves exactly one outcome; one that was being executed
 * when the process was killed may leave none. So for every step, in the part of the ledger that a
 * life wrote: executions = outcomes, or one more in a life that was killed. A completed step that
 * is executed again breaks that equation, and so does an outcome that was lost.
 */
import type { Entry } from '../../src/ledger/index.ts'
import { decode, operationPath, type Payloads, unescape } from '../../src/ledger/index.ts'
import type { Ledger, LedgerRun } from './ledger-file.ts'
import type { Scenario } from './scenario.ts'
import { unsound } from './soundness.ts'
import type { Line } from './world.ts'

export type Kind = 'lost' | 'repeated' | 'stuck' | 'different' | 'unsound' | 'leftover' | 'trouble'

export interface Violation {
  readonly kind: Kind
  readonly what: string
}

export interface Evidence {
  readonly scenario: Scenario
  /** Right after the kill, and after the recovery. */
  readonly before: Ledger
  readonly after: Ledger
  readonly lines: readonly Line[]
  /** How often the process was killed before it had done all. */
  readonly kills: number
  /** How it goes when nothing is killed. */
  readonly expected: Expected | undefined
}

export interface Expected {
  /** By run, children by the operation that waits for them: their ids are chance. */
  readonly statuses: ReadonlyMap<string, string>
  /** What the client was told at the end, by run. */
  readonly ends: ReadonlyMap<string, string>
}

export function check(evidence: Evidence): Violation[] {
  const { scenario, after, lines } = evidence
  return [
    ...all('lost', lost(evidence)),
    ...all('lost', rewritten(evidence)),
    ...all('repeated', repeated(evidence)),
    ...all('repeated', unrepeatable(after, lines)),
    ...all('different', keys(lines)),
    ...all('different', different(evidence)),
    ...all('different', scenario.check?.(lines) ?? []),
    ...all('unsound', unsound(after)),
    ...all('leftover', leftover(after)),
    ...all(
      'trouble',
      lines.flatMap((line) => (line.is === 'trouble' ? [`${line.life}: ${line.what}`] : [])),
    ),
  ]
}

const all = (kind: Kind, complaints: readonly string[]): Violation[] =>
  complaints.map((what) => ({ kind, what }))

/** Acknowledged, and not there; or not what was told. */
function lost({ before, after, lines }: Evidence): string[] {
  return lines.flatMap((line) => {
    if (line.is !== 'acknowledged') return []
    const [what, run = '', ...rest] = line.what.split(' ')
    const id = rest.join(' ')
    const found = [...(line.life === 'victim' ? [before] : []), after].every((ledger) => {
      switch (what) {
        case 'start':
          return ledger.runs.has(run)
        case 'signal':
          return ledger.receipts.some((receipt) => receipt.run === run && receipt.id === id)
        case 'end':
          return ledger.runs.get(run)?.status === line.value?.split(' ')[0]
        default:
          return true // shows in how the run ends
      }
    })
    return found ? [] : [`acknowledged to ${line.life}: ${line.what}`]
  })
}

/** What was in the ledger at the kill, and is not there any more or is something else. */
function rewritten({ before, after }: Evidence): string[] {
  return Array.from(before.runs.values()).flatMap(({ id, entries }) => {
    const now = after.runs.get(id)?.entries ?? []
    const other = entries.find(({ seq, hash }) => now[seq - 1]?.hash !== hash)
    return other ? [`run ${id}: entry ${other.seq} was there at the kill, and is another one`] : []
  })
}

/** How many executions and outcomes a step had, by the life they belong to. */
function repeated({ before, after, lines, scenario, kills }: Evidence): string[] {
  const executions = tally(
    lines.flatMap((line) =>
      line.is === 'executed' ? [[`${line.run} ${line.path}`, line.life] as const] : [],
    ),
  )
  const outcomes = tally(
    Array.from(after.runs.values()).flatMap(({ id, entries }) =>
      entries
        .filter(isOfExecution)
        .filter(isOutcomeOfStep)
        .map((entry) => {
          const isOld = entry.seq <= (before.runs.get(id)?.seq ?? 0)
          const path = unescape(operationPath(entry.scope, entry.key))
          return [`${id} ${path}`, isOld ? 'old' : 'new'] as const
        }),
    ),
  )
  return Array.from(executions.keys()).flatMap((step) => {
    if (scenario.abandoned?.includes(step)) return []
    const count = (life: string): number => executions.get(step)?.get(life) ?? 0
    const old = outcomes.get(step)?.get('old') ?? 0
    const fresh = outcomes.get(step)?.get('new') ?? 0
    const said = `${step}: executed ${count('victim')} + ${count('peer')} + ${count('after')} times by victim, peer and recovery, outcomes ${old} before the recovery and ${fresh} after it began`
    const total = count('victim') + count('peer') + count('after')
    if (total < old + fresh || total > old + fresh + kills) return [said]
    // Beside a second process nobody knows which outcome is whose at the moment of the kill.
    if (scenario.peer === 'worker') return []
    return count('after') === fresh ? [] : [said]
  })
}

/**
 * After a retry, a success is written down once more where its step was not executed again. And what
 * `reconcile` or a person has told about a call in doubt is its outcome without another execution.
 */
function isOfExecution(entry: Entry, i: number, all: readonly Entry[]): boolean {
  if (entry.kind !== 'step.completed') return true
  const before = all
    .slice(0, i)
    .filter(({ scope, key }) => scope === entry.scope && key === entry.key)
  const last = before.at(-1)
  const isTold = last?.kind === 'effect.resolved' && told(last).via !== 'call'
  return !isTold && !before.some(({ kind }) => kind === 'step.completed')
}

const told = ({ payload }: Entry): Payloads['effect.resolved'] =>
  decode(payload ?? '{}') as Payloads['effect.resolved']

/** Calls that must not repeat are made once at most, whatever happened. */
function unrepeatable({ runs }: Ledger, lines: readonly Line[]): string[] {
  const once = new Set(
    Array.from(runs.values()).flatMap(({ id, entries }) =>
      entries.flatMap(({ kind, scope, key, payload }) => {
        if (kind !== 'effect.intended') return []
        const { effect } = decode(payload ?? '{}') as Payloads['effect.intended']
        return effect === 'once' ? [`${id} ${unescape(operationPath(scope, key))}`] : []
      }),
    ),
  )
  return Array.from(once).flatMap((call) => {
    const count = lines.filter(
      (line) => line.is === 'executed' && `${line.run} ${line.path}` === call,
    ).length
    return count <= 1 ? [] : [`${call} must not repeat, and was executed ${count} times`]
  })
}

/** What outside systems recognise a call by is the same in all lives, and no other call's. */
function keys(lines: readonly Line[]): string[] {
  const calls = new Map<string, string>()
  const byKey = new Map<string, string>()
  return lines.flatMap((line) => {
    if (line.is !== 'executed' || line.key === undefined) return []
    const call = `${line.run} ${line.path}`
    const isSame = (calls.get(call) ?? line.key) === line.key
    const isOwn = (byKey.get(line.key) ?? call) === call
    calls.set(call, line.key)
    byKey.set(line.key, call)
    return isSame && isOwn ? [] : [`${call} was made under another idempotency key`]
  })
}

function tally(pairs: readonly (readonly [string, string])[]): Map<string, Map<string, number>> {
  const counts = new Map<string, Map<string, number>>()
  for (const [key, group] of pairs) {
    const groups = counts.get(key) ?? new Map<string, number>()
    groups.set(group, (groups.get(group) ?? 0) + 1)
    counts.set(key, groups)
  }
  return counts
}

const isOutcomeOfStep = ({ kind }: Entry): boolean =>
  kind === 'step.completed' || kind === 'step.failed' || kind === 'step.retrying'

/** How the runs ended, against how they must. */
function different({ after, lines, scenario, expected }: Evidence): string[] {
  const { statuses, ends } = expectedFrom(after, lines)
  return [
    ...unequal(
      new Map(Object.entries(scenario.ends)),
      new Map([...statuses].filter(([id]) => id in scenario.ends)),
    ),
    ...(expected ? [...unequal(expected.statuses, statuses), ...unequal(expected.ends, ends)] : []),
    ...lines.flatMap((line) => {
      if (line.is !== 'acknowledged' || line.value === undefined) return []
      const told = ends.get(line.what)
      return told === line.value
        ? []
        : [`${line.what} was told as ${told ?? 'nothing'} and as ${line.value}`]
    }),
  ]
}

/** How it went, as what later points are compared with. */
export function expectedFrom({ runs }: Ledger, lines: readonly Line[]): Expected {
  return {
    statuses: new Map(Array.from(runs.values(), (run) => [nameOf(run), run.status])),
    ends: new Map(
      lines.flatMap((line) =>
        line.is === 'acknowledged' && line.value !== undefined ? [[line.what, line.value]] : [],
      ),
    ),
  }
}

function nameOf({ id, entries: [started] }: LedgerRun): string {
  const { parent } = decode(started?.payload ?? '{}') as Partial<Payloads['run.started']>
  return parent ? `${parent.run} ${operationPath(parent.scope, parent.key)}` : id
}

function unequal(must: ReadonlyMap<string, string>, is: ReadonlyMap<string, string>): string[] {
  return Array.from(new Set([...must.keys(), ...is.keys()])).flatMap((key) =>
    must.get(key) === is.get(key)
      ? []
      : [`${key} is ${is.get(key) ?? 'missing'} and must be ${must.get(key) ?? 'missing'}`],
  )
}

/** What nobody will ever come back for. */
function leftover({ sessions, runs, messages }: Ledger): string[] {
  const held = Array.from(runs.values()).filter(
    ({ session, wake }) => session !== null || wake !== null,
  )
  // A dead session that holds nothing stands in nobody's way, and goes when its lease has passed.
  const open = sessions.filter((name) => name !== 'victim')
  return [
    ...open.map((name) => `the session of ${name} was left open`),
    ...(messages > 0 ? [`${messages} messages were left in inboxes`] : []),
    ...held.map(({ id }) => `run ${id} has ended and is still held or due`),
  ]
}
