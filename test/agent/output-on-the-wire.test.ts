/** What providers are told of an agent's `output`: each takes the request, and knows what is wanted. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { describe, expect, test } from 'vitest'
import { agent, type AgentDefinition, tool } from 'everloop'
import { type ScriptedAnswer, scriptedServer, testRuntime } from 'everloop/testing'
import { z } from 'zod'

const apiKey = 'sk-test-0123456789abcdef'

type Model = AgentDefinition['model']

interface Schema {
  readonly [word: string]: unknown
}
interface Format {
  readonly type: 'json_object' | 'json_schema'
  readonly strict?: boolean
  readonly schema?: Schema
}
interface Body {
  readonly messages?: unknown
  readonly input?: unknown
  readonly response_format?: { readonly type: Format['type']; readonly json_schema?: object }
  readonly text?: { readonly format?: Format }
  readonly tools?: readonly unknown[]
}

/** The format of a request to either API of OpenAI. */
function formatOf(body: unknown): Format | undefined {
  const { response_format: chat, text } = body as Body
  return chat ? { type: chat.type, ...chat.json_schema } : text?.format
}

/** What OpenAI says to a request for a format that it does not take. */
function refusalOf(body: unknown): string | undefined {
  const { messages, input } = body as Body
  const format = formatOf(body)
  if (format?.type === 'json_object' && !/json/i.test(JSON.stringify(messages ?? input))) {
    return "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
  }
  if (format?.type !== 'json_schema') return undefined
  const { schema = {}, strict } = format
  const why =
    schema['type'] === 'object'
      ? strict === true
        ? notStrict(schema, '()')
        : undefined
      : `schema must be a JSON Schema of 'type: "object"', got 'type: ${JSON.stringify(schema['type'])}'.`
  return why && `Invalid schema for response_format 'response': ${why}`
}

const unknownWords = ['oneOf', 'allOf', 'not', 'default', 'propertyNames', 'prefixItems']
const lengths = ['minLength', 'maxLength', 'uniqueItems', 'patternProperties', 'minProperties']
const formats = ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'ipv4', 'uuid']

function notStrict(schema: Schema, at: string): string | undefined {
  const inContext = (what: string): string => `In context=${at}, ${what}`
  const word = [...unknownWords, ...lengths].find((one) => Object.hasOwn(schema, one))
  if (word !== undefined) return inContext(`'${word}' is not permitted.`)
  if (!['type', '$ref', 'anyOf', 'enum', 'const'].some((one) => Object.hasOwn(schema, one))) {
    return inContext("schema must have a 'type' key.")
  }
  if (Object.hasOwn(schema, '$ref') && Object.keys(schema).length > 1) {
    return inContext('$ref cannot have other keywords.')
  }
  const { format, properties = {}, required = [], additionalProperties } = schema
  if (format !== undefined && !formats.includes(format as string)) {
    return inContext(`${JSON.stringify(format)} is not a valid format.`)
  }
  if (schema['type'] === 'object') {
    if (additionalProperties !== false) {
      return inContext("'additionalProperties' is required to be supplied and to be false.")
    }
    const missing = Object.keys(properties as Schema).find(
      (key) => !(required as string[]).includes(key),
    )
    if (missing !== undefined) {
      return inContext(`'required' is required to be an array including '${missing}'.`)
    }
  }
  const { items, anyOf = [], $defs = {} } = schema
  const inside = [items ?? [], anyOf, properties, $defs].flatMap((one) =>
    one === items ? [one] : Object.values(one as object),
  ) as Schema[]
  for (const child of inside) {
    const why = notStrict(child, `${at}…`)
    if (why !== undefined) return why
  }
  return undefined
}

type Answers = (body: unknown) => ScriptedAnswer

/** A server that refuses what OpenAI refuses. */
const openaiServer = (answers: Answers) =>
  scriptedServer({
    script: ({ body }) => {
      const refusal = refusalOf(body)
      return refusal === undefined ? answers(body) : { error: refusal, status: 400 }
    },
  })

async function asked(more: Omit<AgentDefinition<unknown>, 'name'>): Promise<unknown> {
  const flow = agent<unknown>({ name: 'a', retry: { attempts: 1 }, ...more })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'Go.' })
  const settled = await runtime.settled(run)
  await runtime.verify()
  return settled
}

const completed = (output: unknown) => ({ status: 'completed', output })

const city = z.object({ city: z.string() })
const Person = z.object({
  name: z.string(),
  get friends() {
    return z.array(Person)
  },
})
const ann = { name: 'Ann', friends: [{ name: 'Bob', friends: [] }] }
const shared = z.object({ zip: z.string() }).meta({ id: 'Place' })
const town = z.object({ zip: z.string(), a: z.int() }).meta({ id: 'Town' })
const shape = z.discriminatedUnion('is', [
  z.object({ is: z.literal('circle'), r: z.number() }),
  z.object({ is: z.literal('box'), sides: z.array(z.object({ a: z.int() })) }),
])
const box = { is: 'box', sides: [{ a: 1 }] }

const nested = (levels: number, inside: z.ZodType): z.ZodType =>
  levels === 0 ? inside : nested(levels - 1, z.object({ a: inside }))
const nestedValue = (levels: number): unknown =>
  levels === 0 ? 'x' : { a: nestedValue(levels - 1) }
const words = Array.from({ length: 1001 }, (_, i) => `w${i}`)

const strictly: readonly [string, z.ZodType, unknown][] = [
  ['an object', city, { city: 'Ulm' }],
  ['objects in objects', z.object({ a: z.array(city), b: city }), { a: [], b: { city: 'Ulm' } }],
  ['a field that may be null', z.object({ a: z.email().nullable() }), { a: null }],
  ['definitions', z.object({ a: shared, b: shared }), { a: { zip: '1' }, b: { zip: '2' } }],
  ['a definition or nothing', z.object({ a: shared.nullable() }), { a: null }],
  ['what is not too deep', nested(10, z.string()), nestedValue(10)],
  ['a tree', Person, ann],
  ['a union in an object', z.object({ shape }), { shape: box }],
  [
    'a field named as a word is',
    z.object({ properties: z.object({ items: z.string() }) }),
    { properties: { items: 'x' } },
  ],
]
const wrapped: readonly [string, z.ZodType, unknown][] = [
  ['an array', z.array(z.string()), ['a', 'b']],
  ['an array of trees', z.array(Person), [ann]],
  ['an enum', z.enum(['yes', 'no']), 'no'],
  ['a union', shape, box],
  ['an object or nothing', city.nullable(), { city: 'Ulm' }],
  ['an object by name', shared, { zip: '89073' }],
]
const loosely: readonly [string, z.ZodType, unknown][] = [
  ['a field that may be missing', z.object({ a: z.string().optional() }), {}],
  [
    'such a field deep inside',
    z.object({ a: z.array(z.object({ b: z.string().optional() })) }),
    { a: [{}] },
  ],
  ['a map', z.record(z.string(), z.number()), { a: 1 }],
  ['an object with more', z.looseObject({ a: z.string() }), { a: 'x', b: 1 }],
  ['a length', z.object({ a: z.string().min(1) }), { a: 'x' }],
  ['a URL', z.object({ a: z.url() }), { a: 'https://example.com' }],
  ['anything in a field', z.object({ a: z.unknown() }), { a: [1] }],
  ['a pair', z.object({ a: z.tuple([z.string(), z.number()]) }), { a: ['x', 1] }],
  [
    'objects told apart by nothing',
    z.object({ a: z.union([city, city.extend({ b: z.int() })]) }),
    { a: { city: 'Ulm' } },
  ],
  ['one of several by name', z.object({ a: z.union([shared, town]) }), { a: { zip: '1' } }],
  [
    'a union in a union',
    z.object({ a: z.union([z.union([city, z.string()]), city.extend({ b: z.int() })]) }),
    { a: 'x' },
  ],
  ['what is deep', nested(11, z.string()), nestedValue(11)],
  ['one of very many', z.object({ a: z.enum(words) }), { a: 'w7' }],
  ['one of several kinds', z.object({ a: z.literal(['x', 1]) }), { a: 1 }],
]

const apis: readonly [string, (url: string) => Model][] = [
  ['chat', (baseURL) => createOpenAI({ baseURL, apiKey }).chat('gpt-4o')],
  ['responses', (baseURL) => createOpenAI({ baseURL, apiKey }).responses('gpt-4o')],
]

describe.each(apis)('OpenAI, %s', (_, modelAt) => {
  test.each(strictly)('is told %s strictly', async (_what, output, value) => {
    await using server = await openaiServer(() => ({ object: value }))
    expect(await asked({ model: modelAt(server.url), output })).toEqual(completed(value))
    expect(formatOf(server.requests[0]?.body)).toMatchObject({ type: 'json_schema', strict: true })
  })

  test.each(wrapped)('is told %s inside of an object', async (_what, output, value) => {
    await using server = await openaiServer(() => ({ object: { value } }))
    expect(await asked({ model: modelAt(server.url), output })).toEqual(completed(value))
    expect(formatOf(server.requests[0]?.body)).toMatchObject({ type: 'json_schema', strict: true })
    // Nobody minds a model that answers without the object.
    await using plain = await openaiServer(() => ({ object: value }))
    expect(await asked({ model: modelAt(plain.url), output })).toEqual(completed(value))
  })

  test.each(loosely)('is told %s, and not to be strict', async (_what, output, value) => {
    await using server = await openaiServer(() => ({ object: value }))
    expect(await asked({ model: modelAt(server.url), output })).toEqual(completed(value))
    expect(formatOf(server.requests[0]?.body)).toMatchObject({ type: 'json_schema', strict: false })
  })

  test('is asked for JSON where the schema cannot be told', async () => {
    await using server = await openaiServer(() => ({ object: { day: '2026-11-22' } }))
    const output = z.object({ day: z.coerce.date() })
    const day = new Date('2026-11-22')
    expect(await asked({ model: modelAt(server.url), output })).toEqual(completed({ day }))
  })

  test('is strict where its user says so, and no tool is', async () => {
    await using server = await scriptedServer({ script: () => ({ object: {} }) })
    const look = tool({
      name: 'look',
      description: 'Looks.',
      input: z.object({ at: z.string().optional() }),
      effect: 'read',
      run: () => '',
    })
    await asked({
      model: modelAt(server.url),
      output: z.object({ a: z.string().optional() }),
      tools: [look],
      settings: { providerOptions: { openai: { strictJsonSchema: true } } },
    })
    const [request] = server.requests
    expect(formatOf(request?.body)).toMatchObject({ strict: true })
    expect(JSON.stringify((request?.body as Body | undefined)?.tools)).not.toContain(
      '"strict":true',
    )
  })

  test('as Azure serves it keeps the options of its user', async () => {
    await using server = await openaiServer(() => ({ object: {} }))
    for (const name of ['openai', 'azure']) {
      const azure = createOpenAI({ baseURL: server.url, apiKey, name: 'azure' })
      expect(
        await asked({
          model: modelAt === apis[0]?.[1] ? azure.chat('gpt-4o') : azure.responses('gpt-4o'),
          output: z.object({ a: z.string().optional() }),
          settings: { providerOptions: { [name]: { user: 'Ann' } } },
        }),
      ).toEqual(completed({}))
    }
    for (const { body } of server.requests) {
      expect(body).toMatchObject({ user: 'Ann' })
      expect(formatOf(body)).toMatchObject({ strict: false })
    }
    expect(server.requests).toHaveLength(2)
  })
})

const systemOf = (body: unknown): readonly string[] =>
  (body as { messages: { role: string; content: string }[] }).messages
    .filter(({ role }) => role === 'system')
    .map(({ content }) => content)

describe('an OpenAI-compatible endpoint', () => {
  const output = z.object({ city: z.string(), degrees: z.number().optional() })
  const value = { city: 'Ulm' }

  test.each([undefined, 'Be brief.'])('is told the schema in words: %s', async (instructions) => {
    await using server = await openaiServer(() => ({ object: value }))
    const also = instructions === undefined ? {} : { instructions }
    const model = `${server.url}#llama`
    expect(await asked({ model, output, ...also })).toEqual(completed(value))
    const [system, ...more] = systemOf(server.requests[0]?.body)
    expect(more).toEqual([])
    expect(system).toContain('"properties":{"city":{"type":"string"},"degrees":{"type":"number"}}')
    if (instructions !== undefined) expect(system).toMatch(/^Be brief\.\n/)
  })

  test('is told an array inside of an object, as it may answer with objects alone', async () => {
    await using server = await openaiServer(() => ({ object: { value: ['Ulm'] } }))
    const cities = z.array(z.string())
    expect(await asked({ model: `${server.url}#llama`, output: cities })).toEqual(
      completed(['Ulm']),
    )
    expect(systemOf(server.requests[0]?.body)[0]).toContain('"required":["value"]')
  })

  test('that knows schemas is told it as a schema', async () => {
    await using server = await openaiServer(() => ({ object: value }))
    const able = { name: 'able', baseURL: server.url, supportsStructuredOutputs: true }
    expect(await asked({ model: createOpenAICompatible(able)('m'), output })).toEqual(
      completed(value),
    )
    const [request] = server.requests
    expect(systemOf(request?.body)).toEqual([])
    expect(formatOf(request?.body)).toMatchObject({ type: 'json_schema', strict: false })
  })

  test('is told in words what the model before it was told as a schema', async () => {
    await using first = await scriptedServer({ script: () => ({ error: 'Gone.', status: 410 }) })
    await using second = await openaiServer(() => ({ object: value }))
    const openai = createOpenAI({ baseURL: first.url, apiKey }).chat('gpt-4o')
    const model: Model = [openai, `${second.url}#llama`]
    expect(await asked({ model, output })).toEqual(completed(value))
    expect(systemOf(first.requests[0]?.body)).toEqual([])
    expect(systemOf(second.requests[0]?.body)).toHaveLength(1)
  })
})

test('Anthropic is told an array inside of an object, and in words where there is no schema', async () => {
  await using server = await scriptedServer({ script: () => ({ object: { value: ['2026'] } }) })
  const model = createAnthropic({ baseURL: server.url, apiKey })('claude-sonnet-4-5')
  expect(await asked({ model, output: z.array(z.string()) })).toEqual(completed(['2026']))
  expect(JSON.stringify(server.requests[0]?.body)).toContain('"required":["value"]')
  const untold = z.object({ value: z.array(z.coerce.date()) })
  expect(await asked({ model, output: untold })).toMatchObject({ status: 'completed' })
  expect(server.requests[1]?.body).toMatchObject({
    system: [{ text: expect.stringContaining('JSON') as string }],
  })
})
