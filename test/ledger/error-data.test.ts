/** Errors as data: anything may be thrown, and describing it must never throw again. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '../../src/ledger/codec.ts'
import { errorData } from '../../src/ledger/error-data.ts'
import { values } from './values.ts'

const throwing = (): never => {
  throw new Error('reading it throws')
}

const revoked = (target: object): object => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const hostileProxy = (target: object): object =>
  new Proxy(target, {
    get: throwing,
    getPrototypeOf: throwing,
    ownKeys: throwing,
    has: throwing,
    getOwnPropertyDescriptor: throwing,
  })

describe('errorData', () => {
  test('keeps name, message, code and what else can be kept', () => {
    const error = Object.assign(new TypeError('no'), { code: 'E', status: 404, retry: () => {} })
    expect(errorData(error)).toStrictEqual({
      name: 'TypeError',
      message: 'no',
      code: 'E',
      data: { status: 404 },
    })
  })

  test('has no data where there is nothing more to say', () => {
    expect(errorData(new Error('no'))).toStrictEqual({ name: 'Error', message: 'no' })
  })

  test('leaves stacks out: they show paths of the machine', () => {
    const error = new Error('no')
    Object.defineProperty(error, 'stack', { value: '/home/me/secret.ts', enumerable: true })
    expect(JSON.stringify(errorData(error))).not.toContain('secret')
  })

  test('regression: one property that cannot be kept does not take the others with it', () => {
    const error = Object.assign(new Error('no'), { socket: new URL('tcp://a'), status: 503 })
    expect(errorData(error).data).toStrictEqual({ status: 503 })
  })

  test('regression: the cause is kept, which says what really happened', () => {
    const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
    const { data } = errorData(new TypeError('fetch failed', { cause }))
    expect(data).toStrictEqual({ cause })
    expect(errorData(new AggregateError([new Error('a')], 'all')).data).toStrictEqual({
      errors: [new Error('a')],
    })
  })

  test('cuts endless messages and leaves out endless properties, so that a failure can be recorded', () => {
    const error = Object.assign(new Error('m'.repeat(50_000_000)), { body: 'b'.repeat(5_000_000) })
    const data = errorData(error)
    expect(data.message).toHaveLength(64 * 1024)
    expect(data.message).toMatch(/\(cut\)$/)
    expect(data.data).toBeUndefined()
  })

  test('what is not an error is described and kept', () => {
    expect(errorData({ reason: 1 })).toStrictEqual({
      name: 'NonError',
      message: 'Not an error was thrown: [object Object]',
      data: { reason: 1 },
    })
    expect(errorData(undefined).message).toBe('Not an error was thrown: undefined')
    class Client {}
    expect(errorData({ code: 7, message: 'The API said no.', client: new Client() })).toStrictEqual(
      {
        name: 'NonError',
        message: 'Not an error was thrown: The API said no.',
      },
    )
  })

  const cyclic = new Error('cyclic')
  Object.assign(cyclic, { self: cyclic, cause: cyclic, list: [{ cyclic }], ok: 1 })
  const deep = { error: new Error('0') }
  for (let i = 0; i < 2000; i++) deep.error = new Error(`${i}`, { cause: deep.error })

  test.each<[string, unknown]>([
    [
      'a message getter that throws',
      Object.defineProperty(new Error('x'), 'message', { get: throwing }),
    ],
    ['a name getter that throws', Object.defineProperty(new Error('x'), 'name', { get: throwing })],
    [
      'a property getter that throws',
      Object.defineProperty(new Error('x'), 'p', { get: throwing, enumerable: true }),
    ],
    [
      'a code getter that throws',
      Object.defineProperty(new Error('x'), 'code', { get: throwing, enumerable: true }),
    ],
    ['a name that is a symbol', Object.assign(new Error('x'), { name: Symbol('n') })],
    ['a name that is a number', Object.assign(new Error('x'), { name: 7 })],
    [
      'a message that is an object',
      Object.assign(new Error('x'), { message: { toString: throwing } }),
    ],
    ['an error in an error in itself', cyclic],
    ['a chain of 2000 causes', deep.error],
    ['a symbol', Symbol('s')],
    ['a function', () => {}],
    ['null', null],
    ['a bigint', 1n],
    ['an object that cannot be shown', { toString: throwing, [Symbol.toPrimitive]: throwing }],
    [
      'an object whose tag throws',
      {
        toString: 1,
        get [Symbol.toStringTag]() {
          return throwing()
        },
      },
    ],
    ['an object without prototype', Object.create(null)],
    ['an empty error prototype', Object.create(Error.prototype)],
    ['a revoked proxy of an error', revoked(new Error('x'))],
    ['a revoked proxy', revoked({})],
    ['a hostile proxy of an error', hostileProxy(new Error('x'))],
    [
      'a proxy that hides what it is',
      new Proxy(new Error('x'), { get: throwing, ownKeys: throwing }),
    ],
    ['a DOMException', new DOMException('aborted', 'AbortError')],
  ])('never throws, and what it returns can be recorded: %s', (_, thrown) => {
    const data = errorData(thrown)
    expect(typeof data.name).toBe('string')
    expect(typeof data.message).toBe('string')
    const text = encode({ error: data })
    expect(encode(decode(text))).toBe(text)
  })

  test('never throws on data either', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(() => encode(errorData(value))).not.toThrow()
      }),
    )
  })

  test('regression: a cyclic error is not looked at again and again, and keeps the rest', () => {
    let looks = 0
    const counted = new Error('cyclic')
    const ok = {
      get: () => {
        looks++
        return 1
      },
      enumerable: true,
    }
    Object.assign(counted, { self: counted, cause: counted, list: [{ cyclic: counted }] })
    Object.defineProperty(counted, 'ok', ok)
    for (const error of [cyclic, counted]) {
      expect(errorData(error)).toStrictEqual({ name: 'Error', message: 'cyclic', data: { ok: 1 } })
    }
    expect(looks).toBeLessThan(10)
  })
})

describe('an error as a value', () => {
  test('comes back as a plain Error that reads the same', () => {
    class PaymentError extends Error {
      override name = 'PaymentError'
      readonly code = 'DECLINED'
      readonly bank = { id: 3n }
    }
    const back = decode(encode(new PaymentError('declined'))) as PaymentError
    expect(back).toBeInstanceOf(Error)
    expect(back).not.toBeInstanceOf(PaymentError)
    expect(Object.entries(back)).toEqual([
      ['code', 'DECLINED'],
      ['bank', { id: 3n }],
    ])
    expect([back.name, back.message]).toEqual(['PaymentError', 'declined'])
    expect(back.stack).toBe('PaymentError: declined')
  })

  test('hostile ones inside a value are kept as far as they can be', () => {
    const error = Object.defineProperty(new Error('x'), 'message', { get: throwing })
    const back = decode(encode({ error })) as { error: Error }
    expect(back.error.message).toBe('(The message cannot be read.)')
  })
})
