/** What thrown things say, and that asking them never throws. */
import { expect, test } from 'vitest'
import { messageOf } from '../../src/base/message-of.ts'

const throwing = (): never => {
  throw new Error('Do not ask.')
}

test('an error says its message, all else what it is as a text', () => {
  expect(messageOf(new TypeError('no'))).toBe('no')
  expect(messageOf('no')).toBe('no')
  expect(messageOf(undefined)).toBe('undefined')
  expect(messageOf(Symbol('s'))).toBe('Symbol(s)')
  expect(messageOf({})).toBe('[object Object]')
})

test('what it says is a text, whatever stands in the place of the message', () => {
  expect(messageOf(Object.assign(new Error('x'), { message: 42 }))).toBe('42')
  expect(messageOf(Object.assign(new Error('x'), { message: undefined }))).toBe('undefined')
})

test.each([
  ['an error that throws', Object.defineProperty(new Error('x'), 'message', { get: throwing })],
  ['a text that throws', { toString: throwing }],
  ['a kind that throws', { toString: throwing, [Symbol.toStringTag]: 'Mine' }],
  [
    'all of it throws',
    Object.defineProperty({ toString: throwing }, Symbol.toStringTag, { get: throwing }),
  ],
  ['a proxy', new Proxy(new Error('x'), { get: throwing, getPrototypeOf: throwing })],
  ['a revoked proxy', revoked()],
])('regression: %s is asked and nothing is thrown', (_what, thrown) => {
  expect(messageOf(thrown)).toEqual(expect.any(String))
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
