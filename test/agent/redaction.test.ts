/**
 * Secrets stay out of everything that is written. Whatever a run does with the values of secrets, the
 * store's files are searched for them byte by byte, and live and replayed code sees the same.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { agent, flow, open } from 'everloop'
import { Redactor } from '../../src/base/redactor.ts'
import { decode, encode, redacted } from '../../src/ledger/index.ts'
import { filesWith, forms } from './secret-forms.ts'
import { served } from './served.ts'

const canary = 'sk-C4nary/+ö"\\secret<&>\'`=1'
const other = 'h0rse-Battery-staple'
const secrets = { API_KEY: canary, PASSWORD: other }

describe('a redactor', () => {
  const redactor = new Redactor()
  redactor.add('API_KEY', canary)
  redactor.add('PASSWORD', other)

  test.each(forms(canary))('finds %s', (form) => {
    expect(redactor.text(`before ${form} after`)).toBe('before [secret API_KEY] after')
  })

  test.each([
    ['one line', ''],
    ['many lines', '\n'],
  ])('finds a long value of %s, in every form', (_, end) => {
    const long = new Redactor()
    const lines = Array.from({ length: 600 }, (__, i) => `key-${i}: "ä/&<- of a client"${end}`)
    const value = lines.join('')
    long.add('FILE', value)
    for (const form of forms(value)) {
      // Where it is looked for in pieces, base64 leaves a few characters between two.
      const left = long.text(form).replaceAll('[secret FILE]', '')
      expect(left.length).toBeLessThan(form.length / 200)
    }
  })

  test('hands back the very text, bytes and error when there is nothing in them', () => {
    const error = new Error('harmless', { cause: { deep: ['nothing'] } })
    const bytes = new Uint8Array([1, 2, 3, 255])
    expect(redactor.text('harmless')).toBe('harmless')
    expect(redactor.bytes(bytes)).toBe(bytes)
    expect(redactor.error(error)).toBe(error)
  })

  test('leaves short values alone: they would be found everywhere', () => {
    const one = new Redactor()
    one.add('PIN', '12345')
    expect(one.isEmpty).toBe(true)
  })

  test('cleans bytes and leaves those around as they are', () => {
    const bytes = Buffer.concat([
      Buffer.from([0, 255, 128]),
      Buffer.from(canary),
      Buffer.from([200]),
    ])
    const clean = Buffer.from(redactor.bytes(bytes))
    expect(clean.subarray(0, 3)).toEqual(Buffer.from([0, 255, 128]))
    expect(clean.subarray(3, -1).toString()).toBe('[secret API_KEY]')
    expect(clean.at(-1)).toBe(200)
  })

  test('keeps the kind of an error, and cleans message, stack, cause and properties', () => {
    const error = Object.assign(new RangeError(`bad ${canary}`, { cause: new Error(other) }), {
      request: { headers: [`Bearer ${other}`] },
    })
    const clean = redactor.error(error)
    expect(clean).toBeInstanceOf(RangeError)
    expect(clean.message).toBe('bad [secret API_KEY]')
    expect(clean.stack).not.toContain('C4nary')
    expect(clean.cause).toMatchObject({ message: '[secret PASSWORD]' })
    expect(clean.request.headers).toEqual(['Bearer [secret PASSWORD]'])
  })

  test('regression: whatever an error is made of, cleaning it throws nothing and shows no secret', () => {
    const throwing = (): never => {
      throw new Error('Do not ask.')
    }
    let deep: object = { canary }
    for (let i = 0; i < 100_000; i++) deep = { deep }
    const errors = [
      Object.assign(new Error(`at ${canary}`), { deep }),
      Object.defineProperty(new Error(`at ${canary}`), 'stack', { get: throwing }),
      new Proxy(new Error(`at ${canary}`), { getPrototypeOf: throwing, ownKeys: throwing }),
    ]
    for (const error of errors) {
      const clean: unknown = redactor.error(error)
      expect(String(clean)).not.toContain(canary)
      expect(clean).toBeInstanceOf(Error)
    }
    expect(String(redactor.error(errors[0]))).toBe('Error: at [secret API_KEY]')
  })

  test('finds each line of a key file', () => {
    const lines = ['-----BEGIN KEY-----', 'aGVsbG8gd29ybGQgaGVsbG8=', 'c2Vjb25kIGxpbmUgb2Yga2V5']
    const one = new Redactor()
    one.add('KEY', lines.join('\n'))
    expect(one.text(`it was ${lines[1]}`)).toBe('it was [secret KEY]')
  })

  test('finds a secret across the borders of pieces, wherever they are', () => {
    const secret = fc.constantFrom(...forms(canary), ...forms(other))
    const cuts = fc.array(fc.nat(60), { maxLength: 12 })
    fc.assert(
      fc.property(secret, cuts, fc.string(), (form, places, around) => {
        const text = `${around}${form}${around} h0rse sk-C4`
        const stream = redactor.stream()
        let shown = ''
        let from = 0
        for (const at of [...places.toSorted((a, b) => a - b), text.length]) {
          if (at <= from || at > text.length) continue
          shown += stream.push(text.slice(from, at))
          from = at
        }
        shown += stream.end()
        expect(shown).toBe(redactor.text(text))
      }),
    )
  })

  test('holds back no more of a stream than may be the beginning of a secret', () => {
    const stream = redactor.stream()
    expect(stream.push('Hello, world')).toBe('Hello, world')
    expect(stream.push(' h0rse')).toBe(' ')
    expect(stream.push(' is a word')).toBe('h0rse is a word')
  })

  test('an encoded value without secrets is a value, whatever the secret and the value are', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6 }), fc.anything(), (value, around) => {
        const one = new Redactor()
        one.add('X', value)
        let text: string
        try {
          text = encode({ value: [around, value, { [value]: `${value}!` }, Buffer.from(value)] })
        } catch {
          return // fast-check has made something that cannot be kept
        }
        const clean = redacted(text, one, 'record')
        expect(encode(decode(clean))).toBe(clean)
        if (one.isEmpty || '[secret X]'.includes(value.trim())) return
        const { value: list } = decode(clean) as { readonly value: readonly unknown[] }
        expect(list[1]).not.toContain(value.trim())
      }),
    )
  })
})

class Leak extends Error {
  readonly code = `E_${other}`
  readonly request = { url: `https://host/?key=${encodeURIComponent(canary)}` }
}

test.each(forms(canary))(
  '%s is not shown or kept when a model says it piece by piece',
  async (form) => {
    const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }
    const pieces = `So ${form} it is.`.match(/[^]{1,3}/gu) ?? []
    await using server = await served(() => ({
      events: [
        ...pieces.map((content) => ({ ...chunk, choices: [{ index: 0, delta: { content } }] })),
        { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
        'data: [DONE]\n\n',
      ],
    }))
    const model = createOpenAICompatible({ name: 'compatible', baseURL: server.url })('m')
    const flow = agent({ name: 'talker', model })
    await using ever = await open({ store: 'memory:', flows: [flow], secrets, work: {} })
    const run = await ever.start(flow, { prompt: 'Say it.' })
    let shown = ''
    for await (const item of run.stream()) if (item.type === 'text') shown += item.text
    expect('So [secret API_KEY] it is.').toContain(shown)
    expect(await run.result()).toBe('So [secret API_KEY] it is.')
  },
)

test('a large output is kept without secrets, for whoever asked and for the run above', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-secrets-'))
  const large = flow('large', async () => `${'x'.repeat(400_000)}${canary}`)
  const above = flow('above', async (run) => run.child(large, undefined))
  const store = `sqlite:${join(folder, 'ledger.db')}`
  {
    await using ever = await open({ store, flows: [large, above], secrets, work: {} })
    const output = await (await ever.start(above, undefined)).result()
    expect(String(output).slice(399_995)).toBe('xxxxx[secret API_KEY]')
  }
  expect(filesWith(folder, [canary])).toEqual([])
  rmSync(folder, { recursive: true })
})

test('no secret is found in the files of a store, whatever a run does with it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-secrets-'))
  const seen: unknown[][] = []
  const states: unknown[] = []
  const told: unknown[] = []
  const leaky = flow('leaky', async (run, input: { readonly note: string }) => {
    const values: unknown[] = [input]
    seen.push(values)
    values.push(await run.step('plain', () => canary))
    values.push(
      await run.step('nested', () => ({
        list: [{ deep: `Bearer ${other}` }],
        [`key ${other}`]: new Map([[canary, new Set([other])]]),
        base64: forms(canary).join(' '),
        json: JSON.stringify({ inner: JSON.stringify({ canary }) }),
        bytes: Buffer.from(`x${canary}`),
      })),
    )
    values.push(await run.step('large', () => `${'x'.repeat(400_000)}${canary}`))
    values.push(await run.artifacts.put('file', `token=${other}`))
    const thrown = await run
      .step('throws', () => {
        throw new Leak(`refused ${canary}`, { cause: new Error(other) })
      })
      .catch((error: unknown) => error)
    values.push((thrown as Error).message, (thrown as Error).cause)
    await run.note(`token ${canary}`, { other })
    values.push(await run.scope('inner', () => ({ kept: [other] })))
    values.push(
      await run.loop('loop', { state: { n: 0, log: [canary] } }, (turn, state) => {
        states.push(state)
        return state.n < 3
          ? turn.next({ n: state.n + 1, log: [...state.log, `${state.n} ${other}`] })
          : turn.done(state)
      }),
    )
    // Shorter than a pass lingers: a worker that works until it is idle does not leave before it is over.
    const answer = run.ask(`Is it ${canary}?`, { timeout: '1ms', otherwise: `no: ${other}` })
    values.push(await answer)
    values.push(await run.signal('word'))
    return { output: [canary, ...values.slice(0, 2)] }
  })
  const options = {
    store: `sqlite:${join(folder, 'ledger.db')}`,
    flows: [leaky],
    secrets,
    development: false,
    onTrouble: (error: unknown) => told.push(error),
  }
  {
    await using ever = await open(options)
    const started = { id: 'leaky-1', by: `ann ${canary}` }
    const run = await ever.start(leaky, { note: `mine: ${canary}` }, started)
    const dropped = await ever.start(leaky, { note: '' }, { id: 'leaky-2', by: other, delay: '1d' })
    await dropped.cancel(`It has ${canary}.`)
    await ever.work({ until: 'idle' })
    expect(await run.settled()).toMatchObject({ status: 'waiting' })
  }
  {
    await using ever = await open(options)
    void ever.work()
    await ever.signal('leaky-1', 'word', { said: other })
    const run = await ever.get<{ readonly output: readonly unknown[] }>('leaky-1')
    expect((await run.result()).output[0]).toBe('[secret API_KEY]')
    expect(await ever.verify('leaky-1')).toMatchObject({ ok: true })
  }
  // What was served from the ledger is what the code had been handed before.
  const [live = []] = seen
  for (const replayed of seen) {
    const both = Math.min(live.length, replayed.length)
    expect(both).toBeGreaterThan(8)
    expect(replayed.slice(0, both)).toEqual(live.slice(0, both))
  }
  const last = {
    n: 3,
    log: ['[secret API_KEY]', ...[0, 1, 2].map((n) => `${n} [secret PASSWORD]`)],
  }
  expect(states.at(-1)).toEqual(last)
  expect(filesWith(folder, [canary, other])).toEqual([])
  expect(told).toEqual([])
  rmSync(folder, { recursive: true })
})
