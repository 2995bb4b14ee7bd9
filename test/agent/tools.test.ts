/** Tools alone: their definitions, what is refused, and how calls and results are read. */
import fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { agent, agentTool, askPerson, flow, policy, secret, tool, unknown } from 'everloop'
import { combineApprovals } from '../../src/agent/policies/approval-policy.ts'
import { approvalFor, policiesFor } from '../../src/agent/policies/policy.ts'
import { readMore } from '../../src/agent/tools/read-more.ts'
import { errorText, excerpt, wholeText } from '../../src/agent/calls/result-text.ts'
import { SecretStore, withSecrets } from '../../src/agent/secret.ts'
import { definitionDigest, toolDefinition } from '../../src/agent/tools/tool-schema.ts'
import { type AnyTool, checkTools } from '../../src/agent/tools/tool.ts'
import { validateCall } from '../../src/agent/calls/validate-call.ts'
import { Redactor } from '../../src/base/redactor.ts'
import { systemPorts } from '../../src/base/system.ts'
import { encode } from '../../src/ledger/index.ts'

const lookup = tool({
  name: 'lookup_order',
  description: 'Finds an order.',
  input: z.object({ id: z.string(), deep: z.object({ n: z.number().int() }).optional() }),
  effect: 'read',
  run: ({ id }) => ({ id, cents: 100 }),
})

const plain = tool({
  name: 'plain',
  description: 'Takes a word.',
  inputSchema: {
    type: 'object',
    properties: { word: { type: 'string', pattern: '^(a+)+$' } },
    required: ['word'],
    additionalProperties: false,
  },
  effect: 'idempotent',
  run: () => undefined,
})

const noInput = tool({ name: 'now', description: 'Now.', effect: 'read', run: () => 'now' })

const refund = {
  name: 'refund',
  description: 'Refunds.',
  input: z.object({ cents: z.number() }),
  effect: 'once' as const,
  run: () => 1,
}

describe('a definition', () => {
  test('infers the types of input and result, and holds them', () => {
    tool({
      ...refund,
      run: ({ cents }, { idempotencyKey, signal }) => {
        expectTypeOf(cents).toEqualTypeOf<number>()
        expectTypeOf(idempotencyKey).toEqualTypeOf<string>()
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        return { id: 'r1' }
      },
      undo: ({ cents }, result) => {
        expectTypeOf(cents).toEqualTypeOf<number>()
        expectTypeOf(result).toEqualTypeOf<{ id: string } | undefined>()
      },
      approval: ({ cents }) => cents > 3,
    })
    // @ts-expect-error -- the arguments have no such field
    tool({ ...refund, approval: ({ euros }) => euros > 3 })
    expectTypeOf(lookup.run).returns.toEqualTypeOf<
      { id: string; cents: number } | Promise<{ id: string; cents: number }>
    >()
  })

  test.each<[string, object, string, RegExp]>([
    ['no effect', { effect: undefined }, 'BAD_OPTION', /"read".*"idempotent".*"once"/],
    ['an unknown effect', { effect: 'write' }, 'BAD_OPTION', /effect/],
    ['a bad name', { name: 'a b' }, 'BAD_NAME', /letters/],
    ['a long name', { name: 'a'.repeat(65) }, 'BAD_NAME', /64/],
    ['no name', { name: '' }, 'BAD_NAME', /1 to 64/],
    ['a name that is no text', { name: 7n }, 'BAD_NAME', /this is bigint/],
    ['no description', { description: ' ' }, 'BAD_OPTION', /description/],
    ['no function', { run: undefined }, 'BAD_OPTION', /run/],
    ['a misspelt option', { aproval: true }, 'BAD_OPTION', /approval/],
    ['a misspelt retry', { retry: { attemps: 3 } }, 'BAD_OPTION', /Did you mean "attempts"/],
    ['a retry that tries nothing', { retry: { attempts: 0 } }, 'BAD_OPTION', /attempts/],
    ['undo of a read', { effect: 'read', undo: () => 1 }, 'BAD_OPTION', /undo/],
    ['a tiny result', { maxResult: 3 }, 'BAD_OPTION', /maxResult/],
    ['half a concurrency', { concurrency: 0.5 }, 'BAD_OPTION', /concurrency/],
    ['a bad timeout', { timeout: 'soon' }, 'BAD_DURATION', /duration/],
    ['a text as input', { input: z.string() }, 'BAD_OPTION', /object/],
    ['a union as input', { input: z.union([z.object({}), z.object({})]) }, 'BAD_OPTION', /object/],
    ['no schema as input', { input: {} }, 'BAD_OPTION', /Standard Schema/],
    ['a date', { input: z.object({ at: z.date() }) }, 'BAD_OPTION', /inputSchema/],
    [
      'a schema that its library does not tell as JSON Schema',
      { input: { '~standard': { version: 1, vendor: 'valibot', validate: () => ({ value: 1 }) } } },
      'BAD_OPTION',
      /toStandardJsonSchema/,
    ],
    [
      'a schema of zod as JSON Schema',
      { input: undefined, inputSchema: z.object({ orderId: z.string() }) },
      'BAD_OPTION',
      /as `input`/,
    ],
    ['an approval that is a text', { approval: 'yes' }, 'BAD_OPTION', /approval/],
    [
      'a reconcile of calls that are never in doubt',
      { effect: 'idempotent', reconcile: () => unknown() },
      'BAD_OPTION',
      /"idempotent", so no call of it is in doubt/,
    ],
    ['an empty approval policy', { approval: {} }, 'BAD_OPTION', /needed/],
    [
      'an approval by silence without a time',
      { approval: { needed: true, otherwise: 'approve' } },
      'BAD_OPTION',
      /timeout/,
    ],
    [
      'a combination at the top of its schema',
      { input: undefined, inputSchema: { type: 'object', anyOf: [{}] } },
      'BAD_OPTION',
      /anyOf/,
    ],
    [
      'a schema elsewhere',
      {
        input: undefined,
        inputSchema: { type: 'object', properties: { a: { $ref: 'http://x' } } },
      },
      'BAD_OPTION',
      /never fetched/,
    ],
  ])('with %s is refused', (_, change, code, message) => {
    const make = (): unknown => tool({ ...refund, ...change } as never)
    expect(make).toThrow(expect.objectContaining({ code }))
    expect(make).toThrow(message)
  })

  test('is told to models without what only schemas say of themselves', () => {
    expect(toolDefinition(lookup)).toEqual({
      name: 'lookup_order',
      description: 'Finds an order.',
      inputSchema: expect.objectContaining({ type: 'object', required: ['id'] }) as unknown,
    })
    expect(lookup.inputSchema).not.toHaveProperty('$schema')
    expect(Object.isFrozen(lookup)).toBe(true)
    expect(definitionDigest(lookup)).not.toBe(
      definitionDigest({ ...lookup, description: 'Finds an order!' }),
    )
  })

  test('of two tools of one name is refused', () => {
    expect(() => checkTools([lookup, lookup], 'agent')).toThrow(/lookup_order/)
    expect(() => checkTools([{ name: 'x' }], 'agent')).toThrow(/tool\(/)
  })

  test('does not take the place of the one that reads on in long results', () => {
    const own = tool({
      name: 'read_more',
      description: 'Reads on in a book.',
      input: z.object({ page: z.number() }),
      effect: 'read',
      run: () => 'It was a dark and stormy night.',
    })
    expect(() => agent({ name: 'reader', model: 'openai/gpt-5', tools: [own] })).toThrow(
      expect.objectContaining({
        code: 'BAD_OPTION',
        message: expect.stringMatching(
          /^Agent "reader" has a tool called "read_more".*rename/,
        ) as string,
      }),
    )
  })

  test('can ask a person, or start a run', () => {
    const ask = askPerson({
      name: 'ask',
      description: 'Asks.',
      input: z.object({ question: z.string() }),
      prompt: ({ question }) => question,
    })
    expect(ask).toMatchObject({ does: 'ask', effect: 'read' })
    const child = flow({ name: 'child', input: z.object({ topic: z.string() }), run: () => 'ok' })
    const research = agentTool(child, { name: 'research', description: 'Researches.' })
    expect(research).toMatchObject({ does: 'child', flow: child })
    expect(toolDefinition(research).inputSchema).toMatchObject({ required: ['topic'] })
    const untold = flow('untold', (_, input: { a: string }) => input)
    expect(() => agentTool(untold, { name: 'x', description: 'y' })).toThrow(/input/)
  })
})

describe('a call', () => {
  const conditional = JSON.parse('{"if":{"pattern":"(?=a)"},"then":{"const":"a"}}') as object
  const tools: readonly AnyTool[] = [lookup, plain, noInput]
  test.each<[string, string, unknown, string, RegExp | undefined]>([
    ['arguments that fit', 'lookup_order', '{"id":"42"}', 'valid', undefined],
    ['parsed arguments', 'lookup_order', { id: '42' }, 'valid', undefined],
    ['no arguments where none are taken', 'now', '', 'valid', undefined],
    ['an unknown tool', 'lookupOrder', '{}', 'unknown-tool', /Did you mean lookup_order\?/],
    ['an odd name', '__proto__', '{}', 'unknown-tool', /The tools are: lookup_order, plain, now/],
    ['no JSON', 'lookup_order', '{id: 42}', 'bad-json', /not JSON/],
    ['a code fence', 'lookup_order', '```json\n{"id":"42"}\n```', 'bad-json', /one JSON object/],
    ['half of JSON', 'lookup_order', '{"id":"4', 'bad-json', /not JSON/],
    ['a list', 'lookup_order', '["42"]', 'bad-arguments', /one JSON object/],
    ['null', 'lookup_order', 'null', 'bad-arguments', /one JSON object/],
    ['another type', 'lookup_order', '{"id":42}', 'bad-arguments', /id: /],
    [
      'a wrong place inside',
      'lookup_order',
      '{"id":"","deep":{"n":0.5}}',
      'bad-arguments',
      /deep\.n/,
    ],
    ['a missing field', 'plain', '{}', 'bad-arguments', /word/],
    ['a field too many', 'plain', '{"word":"a","x":1}', 'bad-arguments', /x/],
    ['what a pattern refuses', 'plain', '{"word":"b"}', 'bad-arguments', /\^\(a\+\)\+\$/],
    ['what a pattern takes', 'plain', '{"word":"aaa"}', 'valid', undefined],
    ['dangerous keys', 'plain', '{"word":"a","__proto__":{"x":1}}', 'bad-arguments', /__proto__/],
    [
      'a pattern with a trap',
      'plain',
      { word: `${'a'.repeat(100_000)}b` },
      'bad-arguments',
      /word/,
    ],
    ['a deep nest', 'plain', `${'['.repeat(5000)}${']'.repeat(5000)}`, 'bad-arguments', /object/],
    [
      'a deep nest inside',
      'now',
      `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`,
      'bad-arguments',
      /levels/,
    ],
    ['too much', 'now', `{"a":"${'x'.repeat(5_000_000)}"}`, 'bad-json', /too long/],
  ])('with %s', async (_, name, args, is, text) => {
    const checked = await validateCall(tools, { tool: name, args })
    expect(checked.is).toBe(is)
    if (checked.is !== 'valid') {
      expect(checked.text).toMatch(/^Error: /)
      expect(checked.text).toMatch(text ?? /^$/)
      expect(checked.text.length).toBeLessThan(5000)
    }
  })

  test.each<[string, object, unknown, unknown]>([
    ['an example', { type: 'object', example: { lat: 48.4 } }, {}, 'x'],
    ['examples and a default', { examples: [{ a: 1 }], default: { a: 2 }, type: 'object' }, {}, 1],
    ['words of others', { type: 'string', 'x-ui': { widget: 'map' }, ui: { is: {} } }, 'a', 1],
    ['a schema of its content', { type: 'string', contentSchema: { type: 'object' } }, 'a', 1],
    ['names that depend', { dependencies: { a: ['b'] } }, { a: 1, b: 1 }, { a: 1 }],
    ['schemas that depend', { dependencies: { id: { required: ['b'] } } }, { b: 1 }, { id: 1 }],
    ['a reference to anywhere', { $ref: '#/components/word' }, 'aaa', 'b'],
    ['a reference to a name', { $ref: '#word' }, 'aaa', 'b'],
    ['a reference to all of it', { anyOf: [{ $ref: '#' }, { const: 1 }] }, { place: 1 }, 2],
    ['a reference to nowhere', { $ref: '#/none', type: 'string' }, 'b', 1],
    ['what another reference is to', { $ref: '#/components/names' }, ['aaa'], ['b']],
    ['a resource of its own', { $id: 'own', $ref: '#/a', a: { const: 1 } }, 1, 2],
    ['an id that is a name', { id: 'Place', type: 'string' }, 'a', 1],
    ['required, wrongly', { type: 'string', required: true }, 'a', 1],
    ['what is not checked, turned', { not: { pattern: '(?=a)' }, type: 'string' }, 'b', 1],
    ['one of two forms', { oneOf: [{ format: 'uri' }, { format: 'email' }] }, 'b', undefined],
    ['one of two types', { oneOf: [{ type: 'string', format: 'uri' }, { type: 'null' }] }, '', 1],
    ['a condition', conditional, 'b', undefined],
    [
      'other properties',
      { patternProperties: { a: {} }, additionalProperties: false },
      { a: 1 },
      undefined,
    ],
    ['unspoken ones', { $ref: '#/none', unevaluatedProperties: false }, { a: 1 }, undefined],
    ['lists without repeats', { uniqueItems: true }, ['a', 'text a', 1, '1', {}], ['a', 1, 'a']],
    ['equal objects', { items: { uniqueItems: true } }, [[{}], [{}]], [[{ a: 1 }, { a: 1 }]]],
    ['a list in all', { allOf: [{ $ref: '#/components/set' }] }, [1, 2], [2, 2]],
    ['a list by place', { prefixItems: [{}, { uniqueItems: true }] }, [[1, 1]], [0, [1, 1]]],
    ['a list of other fields', { additionalProperties: { uniqueItems: true } }, {}, { a: [1, 1] }],
    ['a list perhaps', { anyOf: [{ uniqueItems: true }, { type: 'null' }] }, [1, 1], undefined],
  ])('is checked with a schema that has %s', async (_, place, fitting, misfit) => {
    const placed = tool({
      name: 'placed',
      description: 'Takes a place.',
      inputSchema: {
        type: 'object',
        properties: { place },
        components: {
          word: { $anchor: 'word', pattern: '^a+$' },
          names: { items: { $ref: '#/components/word' } },
          set: { uniqueItems: true },
        },
      },
      effect: 'read',
      run: () => 'ok',
    })
    const given = (value: unknown) => ({ tool: 'placed', args: { place: value } })
    expect(await validateCall([placed], given(fitting))).toMatchObject({ is: 'valid' })
    if (misfit === undefined) return
    const { is, ...rest } = await validateCall([placed], given(misfit))
    expect(is).toBe('bad-arguments')
    expect(rest).not.toMatchObject({ text: expect.stringContaining('could not be checked') })
  })

  test('is never coerced, and gets what the schema makes of it', async () => {
    const trimmed = tool({
      ...refund,
      input: z.object({ name: z.string().trim(), n: z.number().default(3) }),
    })
    expect(await validateCall([trimmed], { tool: 'refund', args: '{"name":" x "}' })).toMatchObject(
      {
        is: 'valid',
        args: { name: 'x', n: 3 },
      },
    )
    const text = await validateCall([trimmed], { tool: 'refund', args: '{"name":"x","n":"4"}' })
    expect(text.is).toBe('bad-arguments')
  })

  test('ends in an answer whatever the model writes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string(),
        fc.oneof(fc.string(), fc.json(), fc.anything()),
        async (name, args) => {
          for (const called of [name, 'plain', 'lookup_order']) {
            const { is } = await validateCall(tools, { tool: called, args })
            expect(['valid', 'unknown-tool', 'bad-json', 'bad-arguments']).toContain(is)
          }
        },
      ),
    )
  })
})

describe('result text', () => {
  test.each<[unknown, string]>([
    ['as it is', 'as it is'],
    [undefined, '(no result)'],
    [null, 'null'],
    [{ a: 'ö' }, '{"a":"ö"}'],
    [[1, undefined], '[1,null]'],
    [12n, '"12"'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [new Map([['a', new Set([1])]]), '[["a",[1]]]'],
    [new Uint8Array(3), '"(3 bytes)"'],
  ])('of %o', (value, text) => {
    expect(wholeText(value)).toBe(text)
  })

  test('an excerpt keeps to its limit, cuts no character, and says how to read on', () => {
    const more = { artifact: 'A'.repeat(43), tool: 'read_more' }
    for (let length = 1000; length < 1040; length++) {
      for (let max = 1024; max < 1030; max++) {
        const text = `${'x'.repeat(length % 7)}${'aö€😀'.repeat(length)}`
        const shown = excerpt(text, max, more)
        expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(max)
        expect(shown).not.toContain('\ufffd')
        expect(shown).toContain(`read_more({"artifact":"${more.artifact}","from":`)
        expect(shown.startsWith(text.slice(0, 100))).toBe(true)
        expect(shown.endsWith(text.slice(-50))).toBe(true)
      }
    }
    expect(excerpt('short', 1024, more)).toBe('short')
  })

  test('of an error is marked, and has no stack', () => {
    expect(errorText(new RangeError('too far'))).toBe('Error: RangeError: too far')
    expect(errorText(new Error('plain'))).toBe('Error: plain')
    expect(errorText('thrown text')).toContain('thrown text')
    expect(errorText(new Error('x'.repeat(10_000))).length).toBeLessThan(4100)
  })
})

describe('read_more', () => {
  const text = Array.from({ length: 5000 }, (_, i) => `line ${i} ö`).join('\n')
  const more = readMore(async (artifact) => (artifact === 'a' ? Buffer.from(text) : undefined))
  const read = async (input: object): Promise<string> =>
    more.run({ artifact: 'a', ...input }, {} as never)

  test('reads all of it part by part, and each part says where to go on', async () => {
    let whole = ''
    let next: string | undefined = '0'
    while (next !== undefined) {
      const shown = await read({ from: Number(next), length: 7000 })
      whole += shown.slice(shown.indexOf('\n') + 1)
      next = /go on with from=(\d+)/.exec(shown.slice(0, 100))?.[1]
    }
    expect(whole).toBe(text)
  })

  test('finds a text, and the next one behind it', async () => {
    const found = await read({ find: 'line 77' })
    expect(found).toContain('line 76 ö\nline 77 ö\nline 78')
    const from = Number(/next from (\d+)/.exec(found)?.[1])
    expect(await read({ find: 'line 77', from })).toContain('line 770 ö')
    expect(await read({ find: 'no such line' })).toContain('Not found')
    expect(await read({ from: 10_000_000 })).toContain('There are only')
  })

  test('knows no artifact but those it is given', async () => {
    await expect(read({ artifact: 'b' })).rejects.toThrow('no artifact')
    const checked = await validateCall([more], {
      tool: 'read_more',
      args: '{"artifact":"a","from":-1}',
    })
    expect(checked.is).toBe('bad-arguments')
  })
})

describe('policies', () => {
  const strict = policy({
    name: 'strict',
    approval: [
      { effect: 'once', require: { approvals: 2, notBy: 'requester' } },
      {
        tools: 'lookup_*',
        when: () => {
          throw new Error('broken rule')
        },
      },
    ],
    applies: { agents: ['sup*'] },
  })
  const context = { runId: 'r', agent: 'support', call: 'c', tool: 't', startedBy: 'ann' }

  test('are for the agents they name, and for all when their condition fails', () => {
    const failing = policy({
      name: 'failing',
      applies: () => {
        throw new Error('broken')
      },
    })
    const silent = policy({ name: 'silent', applies: (() => undefined) as never })
    const elsewhere = policy({ name: 'elsewhere', applies: () => false })
    const all = [strict, failing, silent, elsewhere]
    expect(policiesFor('support', all)).toEqual([strict, failing, silent])
    expect(policiesFor('other', all)).toEqual([failing, silent])
  })

  test('add to what a tool wants, and a rule that fails asks for an approval', async () => {
    const round = { context, policies: [strict], ports: systemPorts }
    const once = tool({ ...refund, approval: { needed: true, timeout: '1h', approvers: ['bob'] } })
    expect(await approvalFor(once, { cents: 1 }, round)).toMatchObject({
      needed: true,
      approvals: 2,
      notBy: 'requester',
      approvers: ['bob'],
      timeout: '1h',
      otherwise: 'deny',
      reason: 'Policy "strict" wants it.',
    })
    expect(await approvalFor(lookup, {}, round)).toMatchObject({
      needed: true,
      reason: expect.stringContaining('broken rule') as string,
    })
    expect(await approvalFor(plain, {}, round)).toEqual({ needed: false })
  })

  test('never weaken one another', () => {
    const silent = { needed: true, timeout: '1h', otherwise: 'approve' } as const
    expect(combineApprovals([silent])).toMatchObject({ otherwise: 'approve' })
    expect(combineApprovals([silent, { needed: true }])).toMatchObject({ otherwise: 'deny' })
    expect(combineApprovals([silent, { needed: false }])).toMatchObject({ otherwise: 'approve' })
    expect(
      combineApprovals([
        { needed: true, approvers: ['a', 'b'] },
        { needed: true, approvers: ['b', 'c'] },
      ]),
    ).toMatchObject({ approvers: ['b'] })
    const late = { needed: true, escalate: { after: '10d', to: 'late' } } as const
    const early = { needed: true, escalate: { after: '1h', to: 'early' } } as const
    for (const rules of [
      [late, early],
      [early, late],
    ]) {
      expect(combineApprovals(rules)).toMatchObject({ escalate: early.escalate })
    }
  })

  test.each([
    { name: 'a b' },
    { name: 'x', guards: [{}] },
    { name: 'x', approval: [{ effect: 'write' }] },
    { name: 'x', approval: [{ tools: [/refund/] }] },
    { name: 'x', approval: [{ require: { approvals: 0 } }] },
    { name: 'x', apply: true },
  ])('%j is refused', (definition) => {
    expect(() => policy(definition as never)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^BAD_/) as string }),
    )
  })
})

describe('secrets', () => {
  test('a reference is a name, as data too, and data is never a reference', async () => {
    const reference = secret('API_KEY')
    expect(encode({ key: reference })).toBe('{"key":{"secret":"API_KEY"}}')
    const store = new SecretStore({ API_KEY: 'the-value' }, new Redactor())
    const config = { headers: [reference], model: { secret: 'API_KEY' } }
    expect(await withSecrets(config, store)).toEqual({
      headers: ['the-value'],
      model: { secret: 'API_KEY' },
    })
  })

  test('are fetched at the time of the call, and known to the redactor before anybody has them', async () => {
    const redactor = new Redactor()
    let value = 'first-value'
    const store = new SecretStore({ ROTATED: () => Promise.resolve(value) }, redactor)
    expect(redactor.text('first-value')).toBe('first-value')
    expect(await store.get('ROTATED')).toBe('first-value')
    value = 'second-value'
    expect(await store.get('ROTATED')).toBe('second-value')
    expect(redactor.text('first-value second-value')).toBe('[secret ROTATED] [secret ROTATED]')
  })

  test('that are not there, or cannot be fetched, are errors that hold no value', async () => {
    const store = new SecretStore((name) => {
      if (name === 'BROKEN') throw new Error('vault is sealed')
      return undefined
    }, new Redactor())
    await expect(store.get('NONE')).rejects.toMatchObject({ code: 'UNKNOWN_SECRET' })
    await expect(store.get('BROKEN')).rejects.toMatchObject({ code: 'UNKNOWN_SECRET' })
    const inherited = new SecretStore({ A: 'value-of-a' }, new Redactor())
    await expect(inherited.get('constructor')).rejects.toMatchObject({ code: 'UNKNOWN_SECRET' })
    expect(() => secret('a b')).toThrow(expect.objectContaining({ code: 'BAD_NAME' }))
  })
})
