/** How a run begins: its first entry, and the row that is created with it. */
import { EverloopError } from '../../base/errors.ts'
import { isRecord } from '../../base/is-object.ts'
import type { Ports } from '../../base/ports.ts'
import type { Redactor } from '../../base/redactor.ts'
import { shown } from '../../base/shown.ts'
import {
  checkRunId,
  decode,
  emptyHead,
  encode,
  ledgerFormat,
  redacted,
  seal,
} from '../../ledger/index.ts'
import type { Entry, Payloads } from '../../ledger/index.ts'
import type { NewRun, Store } from '../../store/store.ts'
import { actor } from '../actor.ts'
import type { AnyFlow } from '../face.ts'
import { firstDueOf } from './early.ts'

export interface Beginning {
  readonly id: string
  readonly flow: AnyFlow
  readonly input: unknown
  readonly queue?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** On the store's clock. */
  readonly notBefore?: number | undefined
  readonly deadline?: number | undefined
  readonly by?: string | undefined
  readonly parent?: Payloads['run.started']['parent']
  readonly ancestors?: Payloads['run.started']['ancestors']
  readonly taints?: Payloads['run.started']['taints']
}

/** The run as the store takes it. Throws BAD_NAME and NOT_SERIALISABLE. */
export function newRun(
  {
    store,
    ports,
    redactor,
  }: {
    readonly store: Store
    readonly ports: Ports
    readonly redactor?: Redactor | undefined
  },
  beginning: Beginning,
): NewRun {
  const { id, flow, queue = 'default', labels, notBefore, deadline, parent, ancestors } = beginning
  const { taints } = beginning
  const clean = <T>(value: T): T =>
    value === undefined || redactor?.isEmpty !== false ? value : withoutSecrets(value, redactor)
  const by = clean(beginning.by)
  checkRunId(id)
  checkPlacement({ queue, labels })
  const record: Payloads['run.started'] = {
    format: ledgerFormat,
    flow: flow.name,
    version: flow.version,
    input: clean(beginning.input),
    queue,
    ...(labels === undefined ? {} : { labels }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(deadline === undefined ? {} : { deadline }),
    ...actor(by),
    ...(parent === undefined ? {} : { parent }),
    ...(ancestors === undefined ? {} : { ancestors }),
    ...(taints === undefined ? {} : { taints }),
    seeded: true,
  }
  const time = store.clock.now()
  const genesis = seal(
    { scope: '', kind: 'run.started', key: '', record },
    { run: id, epoch: 0, time, head: emptyHead, salt: saltOf(ports) },
  )
  return {
    genesis,
    flow: flow.name,
    version: flow.version,
    queue,
    labels: { ...labels },
    parent: parent?.run,
    wake: firstDueOf(record, time),
  }
}

/** Throws BAD_NAME for the name of a queue that none can have. */
export const checkQueue = (name: unknown): void => checkText('queue', name)

/** Throws BAD_NAME and BAD_OPTION for a queue or labels that no run can have. */
export function checkPlacement({
  queue = 'default',
  labels = {},
}: Pick<Beginning, 'queue' | 'labels'>): void {
  checkQueue(queue)
  if (!isRecord(labels)) {
    throw new EverloopError('BAD_OPTION', '`labels` takes an object of texts.')
  }
  for (const [name, value] of Object.entries(labels)) {
    checkText('label name', name)
    checkText(`label "${name}"`, value)
  }
}

const withoutSecrets = <T>(value: T, redactor: Redactor): T =>
  decode(redacted(encode(value), redactor, 'value')) as T

/**
 * What a run's chance derives from: the hash of its first entry, which has a salt, so that no two
 * runs share it. In ledgers that do not say so it is the run's id.
 */
export const seedOf = (
  { run, hash }: Pick<Entry, 'run' | 'hash'>,
  { seeded }: Pick<Payloads['run.started'], 'seeded'>,
): string => (seeded ? hash : run)

/** Fresh salt for one entry. */
export function saltOf(ports: Ports): string {
  const { buffer, byteOffset, length } = ports.randomBytes(12)
  return Buffer.from(buffer, byteOffset, length).toString('base64url')
}

function checkText(what: string, text: unknown): void {
  if (typeof text === 'string' && /^[\x20-\x7e]{1,200}$/.test(text)) return
  throw new EverloopError(
    'BAD_NAME',
    `A ${what} must be a text of 1 to 200 printable ASCII characters, but this is ${shown(text)}.`,
  )
}
