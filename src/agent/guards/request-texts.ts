/**
 * Finds and replaces texts in a request without breaking what providers check before they read it.
 *
 * Roles, types and the names of offered tools are left alone: nobody wrote them. An id or a file in which
 * something is found is replaced as a whole. A provider's metadata stands for the very words of its model
 * (a signature, an item that the provider keeps), so it goes back unchanged or not at all; and where some
 * of a message's metadata must go, all of it goes, since providers refuse half of it.
 */
import { hash } from 'node:crypto'
import { isObject } from '../../base/is-object.ts'
import { ownOptions } from '../model/accepted-prompt.ts'
import type { RequestSubject } from './position.ts'
import { mapTexts } from './texts.ts'

type Request = Pick<RequestSubject, 'messages' | 'tools'>
type Json = Readonly<Record<string, unknown>>
type Replace = (text: string) => string

/** Stands where nothing is left: providers refuse blank texts, and messages without content. */
const nothing = '[removed]'

/** Everything in it that somebody has written, or a provider has handed over. */
export const writtenIn = ({ messages, tools }: Request): unknown =>
  messages.map((message) => {
    if (!isObject(message)) return message
    const { role: _role, content, ...rest } = message
    return [
      Object.values(rest),
      Array.isArray(content) ? content.map((part: unknown) => writtenBy(part, tools)) : content,
    ]
  })

function writtenBy(part: unknown, tools: readonly string[]): unknown {
  if (!isObject(part)) return part
  const { type: _type, toolName, output, data, providerOptions, ...rest } = part
  return [
    tools.includes(String(toolName)) ? [] : toolName,
    withoutType(output),
    withoutType(data),
    metadataIn(providerOptions),
    Object.values(rest),
  ]
}

const withoutType = (typed: unknown): unknown =>
  isObject(typed)
    ? Object.entries(typed).map(([key, value]) => (key === 'type' ? [] : value))
    : typed

/** Without the names of providers and of their fields. */
const metadataIn = (options: unknown): unknown[] =>
  Object.entries(Object(options) as Json).flatMap(([key, fields]) => {
    if (key === ownOptions) return [(fields as Json)['id']]
    return isObject(fields) ? Object.values(fields) : [fields]
  })

/** The messages with each text replaced. What cannot be replaced can still be found in them. */
export const withTexts = ({ messages, tools }: Request, replace: Replace): unknown[] =>
  messages.map((message) => {
    if (!isObject(message)) return mapTexts(message, replace)
    return mapped(message, (value, key) => {
      if (key === 'role' || key === 'providerOptions') return value
      if (key !== 'content') return mapTexts(value, replace)
      if (!Array.isArray(value)) return notBlank(value, replace)
      const parts = value.map((part: unknown) => withText(part, tools, replace))
      return message['role'] === 'assistant' ? sound(value, parts, replace) : parts
    })
  })

function withText(part: unknown, tools: readonly string[], replace: Replace): unknown {
  if (!isObject(part)) return mapTexts(part, replace)
  const isIdHeld = holds([part['toolCallId']], replace)
  // Only the call has our options. Without them, both are sent with an id made of `toolCallId`.
  const isOwnDropped = isIdHeld || holds([ownOf(part)['id']], replace)
  const made = mapped(part, (value, key) => {
    switch (key) {
      case 'type':
        return value
      case 'providerOptions': {
        const { [ownOptions]: own, ...others } = value as Json
        return own && isOwnDropped ? others : value
      }
      case 'toolCallId':
        return isIdHeld ? otherId(String(value)) : value
      case 'toolName':
        return tools.includes(String(value)) ? value : mapTexts(value, replace)
      case 'output':
      case 'data':
        if (!isObject(value)) return mapTexts(value, replace)
        return mapped(value, (one, name) => (name === 'type' ? one : mapTexts(one, replace)))
      case 'text':
        return notBlank(value, replace)
      default:
        return mapTexts(value, replace)
    }
  })
  // What is left of a file can be neither read nor fetched.
  return part['type'] === 'file' && made !== part ? { type: 'text', text: nothing } : made
}

function notBlank(text: unknown, replace: Replace): unknown {
  const made = mapTexts(text, replace)
  return made !== text && String(made).trim() === '' ? nothing : made
}

/** What of a model's message may go back to its provider. */
function sound(before: readonly unknown[], after: readonly unknown[], replace: Replace): unknown {
  const isBroken = before.some((part, at) => {
    if (!isObject(part) || !isSigned(part)) return false
    return part !== after[at] || holds(metadataIn(part['providerOptions']), replace)
  })
  if (!isBroken) return after
  const kept = after.flatMap((part) => {
    if (!isObject(part) || !isSigned(part)) return [part]
    const { providerOptions: _known, ...rest } = part
    return meant.has(part['type']) ? [rest] : []
  })
  return kept.length > 0 ? kept : [{ type: 'text', text: nothing }]
}

/** The parts that say something without metadata; reasoning does not: providers want it signed. */
const meant: ReadonlySet<unknown> = new Set(['text', 'tool-call', 'tool-result', 'file'])

const isSigned = ({ providerOptions }: Json): boolean =>
  Object.keys(Object(providerOptions) as Json).some((key) => key !== ownOptions)

const ownOf = ({ providerOptions }: Json): Json =>
  Object((providerOptions as Json | undefined)?.[ownOptions]) as Json

/** Whether something in it would be replaced. */
const holds = (values: readonly unknown[], replace: Replace): boolean =>
  mapTexts(values, replace) !== values

/** The same for the call and its result. Letters only, as patterns look for words and numbers. */
const otherId = (id: string): string =>
  hash('sha256', id)
    .slice(0, 24)
    .replace(/\d/g, (digit) => 'ghijklmnop'.charAt(Number(digit)))

/** The object with other values: the very object when nothing changes. */
function mapped(object: Json, to: (value: unknown, key: string) => unknown): Json {
  const entries = Object.entries(object).map(([key, value]) => [key, to(value, key)] as const)
  if (entries.every(([key, value]) => value === object[key])) return object
  return Object.fromEntries(entries)
}
