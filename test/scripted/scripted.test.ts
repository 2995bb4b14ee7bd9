/** Scripted models and servers themselves: order, turns, functions, what they keep, and their ends. */
import { scriptedModel, scriptedServer } from 'everloop/testing'
import { expect, test } from 'vitest'
import { call, question } from '../agent/wire.ts'

const two = [{ text: 'One.' }, { text: 'Two.' }]
const later = [
  ...question,
  { role: 'assistant' as const, content: [{ type: 'text' as const, text: 'Wait.' }] },
  { role: 'user' as const, content: [{ type: 'text' as const, text: 'So?' }] },
]
const textOf = async (request: Parameters<typeof call>[0]): Promise<string | undefined> =>
  (await call(request)).answer?.text

test('a list is read in order, or by the turn of the conversation', async () => {
  const ordered = scriptedModel(two)
  expect(await textOf({ model: ordered, prompt: later })).toBe('One.')
  expect(await textOf({ model: ordered })).toBe('Two.')
  expect((await call({ model: ordered })).error).toMatchObject({ code: 'SCRIPT_EXHAUSTED' })

  const turned = scriptedModel(two, { by: 'turn' })
  expect(await textOf({ model: turned, prompt: later })).toBe('Two.')
  expect(await textOf({ model: turned })).toBe('One.')
  expect(await textOf({ model: turned })).toBe('One.')
})

test('a function may take its time, and is told what was asked', async () => {
  const model = scriptedModel(async (request) => {
    await Promise.resolve()
    return { text: `${request.index} ${request.turn} ${request.text} ${request.tools.join()}` }
  })
  expect(await textOf({ model, prompt: later })).toBe('0 1 So? weather')
  expect(model.requests).toHaveLength(1)
})

test('a server keeps no headers, and the path of each request', async () => {
  await using server = await scriptedServer({ script: two })
  await fetch(`${server.url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-secret' },
    body: JSON.stringify({ model: 'a', messages: [{ role: 'user', content: 'Hi.' }] }),
  })
  expect(server.requests).toMatchObject([{ path: '/v1/chat/completions', text: 'Hi.' }])
  expect(JSON.stringify(server.requests)).not.toContain('sk-secret')
})

test('a server says what it does not know and when its script is exhausted', async () => {
  await using server = await scriptedServer({ script: [] })
  const lost = await fetch(`${server.url}/models`)
  expect(lost.status).toBe(404)
  expect(await lost.text()).toContain('POST /v1/messages')
  const over = await fetch(`${server.url}/messages`, { method: 'POST', body: '{}' })
  expect(over.status).toBe(400)
  expect(await over.text()).toContain('The script has 0 answers')
})

test('closing ends requests that hang, and frees the port', async () => {
  const server = await scriptedServer({ script: () => ({ hang: true }) })
  const port = Number(new URL(server.url).port)
  await expect(scriptedServer({ script: [], port })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  const hanging = fetch(`${server.url}/messages`, { method: 'POST', body: '{}' }).catch(
    () => 'gone',
  )
  while (server.requests.length === 0) await new Promise((resolve) => void setImmediate(resolve))
  await server.close()
  expect(await hanging).toBe('gone')
  await using again = await scriptedServer({ script: [], port })
  expect(again.url).toBe(server.url)
})

test.each([
  [[{ txt: 'x' }], {}, /answer 1 has none of: .*text/],
  [[{ text: 'x' }, { text: 'y', usge: null }], {}, /answer 2 has "usge"/],
  [[{ toolCalls: [{ nam: 'x' }] }], {}, /answer 1: toolCalls is a list/],
  ['x', {}, /list of answers/],
  [two, { bye: 'turn' }, /no option "bye"\. Did you mean "by"\?/],
  [two, { pce: '1s' }, /no option "pce"/],
  [two, { by: 'turns' }, /by must be "order" or "turn"/],
])('a script that says %j with %j is refused at once', async (script, options, message) => {
  const refused = { code: 'BAD_OPTION', message: expect.stringMatching(message) }
  expect(() => scriptedModel(script as never, options as never)).toThrow(
    expect.objectContaining(refused),
  )
  await expect(
    scriptedServer({ script: script as never, ...(options as object) }),
  ).rejects.toMatchObject(refused)
})

test('a pace that is no time is refused at once, and passes in real time outside of a test runtime', async () => {
  expect(() => scriptedModel(two, { pace: 'slow' as never })).toThrow(/"slow"/)
  expect(await textOf({ model: scriptedModel(two, { pace: 1 }) })).toBe('One.')
})

test('what a function answers is held to the same', async () => {
  const model = scriptedModel(() => ({ txt: 'x' }) as never)
  expect((await call({ model })).error).toMatchObject({
    code: 'BAD_OPTION',
    message: expect.stringMatching(/answer 1 has none of: .*text/),
  })
})
