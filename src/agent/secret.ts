/**
 * Secrets: references that stand in definitions and ledgers, and the values that only a worker has.
 *
 * - K1 A reference holds a name and never a value, so it may be recorded, shown and digested.
 * - K2 A value is fetched at the time of the call, and is known to the redactor before the caller
 *   has it: whatever the caller does with it, it cannot leave through the runtime.
 */
import { EverloopError } from '../base/errors.ts'
import type { Redactor } from '../base/redactor.ts'

/** Shared by all copies of everloop in a process. Data that only looks like a reference is none. */
const brand = Symbol.for('everloop.secret')

/** The name of a secret, in the place of its value. As JSON: `{"secret":"NAME"}`. */
export type SecretReference = { readonly secret: string }

/** Where the values come from: by name, or from a function that is asked by name. */
export type SecretSource =
  | Readonly<Record<string, string | (() => string | Promise<string>)>>
  | ((name: string) => string | undefined | Promise<string | undefined>)

/** What code is handed that may need secrets. */
export interface Secrets {
  /** The value at this moment. Throws UNKNOWN_SECRET. */
  get(name: string): Promise<string>
}

/**
 * A reference to a secret, to be put where its value would stand in an agent's `settings`. The worker
 * that calls the model fetches the value from `open({ secrets })`, each time it asks.
 *
 * @example agent({ name, model, settings: { headers: { 'x-gateway-key': secret('GATEWAY_KEY') } } })
 */
export function secret(name: string): SecretReference {
  checkSecretName(name)
  const reference = { secret: name }
  Object.defineProperty(reference, brand, { value: true })
  return Object.freeze(reference)
}

/** True for what `secret` made. Untrusted data may look like it, and never is it. */
export const isSecret = (value: unknown): value is SecretReference =>
  typeof value === 'object' && value !== null && brand in value

/** Where the runtime was opened without secrets. */
export const noSecrets: Secrets = {
  get: (name) =>
    Promise.reject(
      new EverloopError('UNKNOWN_SECRET', `There are no secrets here, and so no "${name}".`),
    ),
}

/** Fetches values, and makes each known to the redactor (K2). */
export class SecretStore implements Secrets {
  readonly #source: SecretSource
  readonly #redactor: Redactor

  /** Values that are there already are known to the redactor from now on. */
  constructor(source: SecretSource, redactor: Redactor) {
    checkSource(source)
    this.#source = source
    this.#redactor = redactor
    if (typeof source === 'function') return
    for (const [name, value] of Object.entries(source)) {
      if (typeof value === 'string') redactor.add(name, value)
    }
  }

  async get(name: string): Promise<string> {
    checkSecretName(name)
    const value: unknown = await this.#fetch(name)
    if (typeof value !== 'string' || value === '') {
      throw new EverloopError(
        'UNKNOWN_SECRET',
        `There is no secret "${name}". Give its value, or a function that fetches it, to open({ secrets: { ${JSON.stringify(name)}: … } }) of the worker.`,
      )
    }
    this.#redactor.add(name, value)
    return value
  }

  async #fetch(name: string): Promise<unknown> {
    const source = this.#source
    try {
      if (typeof source === 'function') return await source(name)
      const entry = Object.hasOwn(source, name) ? source[name] : undefined
      return await (typeof entry === 'function' ? entry() : entry)
    } catch (cause) {
      throw new EverloopError(
        'UNKNOWN_SECRET',
        `Secret "${name}" could not be fetched: what open({ secrets }) was given for it threw.`,
        { cause },
      )
    }
  }
}

/** The value with the values of secrets in the place of references, to any depth of plain data. */
export async function withSecrets(value: unknown, secrets: Secrets): Promise<unknown> {
  if (isSecret(value)) return secrets.get(value.secret)
  if (Array.isArray(value)) {
    return Promise.all(value.map((item: unknown) => withSecrets(item, secrets)))
  }
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const entries = Object.entries(value).map(async ([key, item]): Promise<[string, unknown]> => [
    key,
    await withSecrets(item, secrets),
  ])
  return Object.fromEntries(await Promise.all(entries))
}

function checkSource(source: unknown): asserts source is SecretSource {
  if (typeof source === 'function') return
  const isObject = typeof source === 'object' && source !== null
  for (const [name, value] of isObject ? Object.entries(source) : [['', undefined]]) {
    if (isObject) checkSecretName(name)
    if (isObject && (typeof value === 'string' || typeof value === 'function')) continue
    throw new EverloopError(
      'BAD_OPTION',
      'open({ secrets }) takes an object of names with texts or functions, or one function that is asked by name.',
    )
  }
}

function checkSecretName(name: unknown): asserts name is string {
  if (typeof name === 'string' && /^[A-Za-z_][\w.-]{0,99}$/.test(name)) return
  throw new EverloopError(
    'BAD_NAME',
    'The name of a secret is 1 to 100 letters, digits, "_", "." and "-", and begins with a letter or "_".',
  )
}
