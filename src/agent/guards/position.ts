/**
 * The six positions at which guards are asked, and what is put before them at each.
 *
 * What an agent takes in (`input`), sends to a model (`request`), gets from it (`answer`), is asked to
 * call (`call`), gets from a tool (`result`), and gives out in the end (`output`).
 */
import { EverloopError } from '../../base/errors.ts'
import { isObject } from '../../base/is-object.ts'
import { shown } from '../../base/shown.ts'
import { encode } from '../../ledger/index.ts'
import { wholeText } from '../calls/result-text.ts'
import type { ToolEffect } from '../tools/tool.ts'

/** What a guard may know of a tool. */
export interface GuardedTool {
  readonly name: string
  readonly effect: ToolEffect
  readonly taints: boolean
  readonly writes: 'outside' | false
  /** Where this call would write to, where the tool can tell. May throw: it is the tool's code. */
  readonly destinations?: ((args: never) => readonly string[]) | undefined
}

/** What came in: the prompt, or a later message, as the model would be told it. */
export interface InputSubject {
  readonly text: string
}

/** What is about to be sent to the model. */
export interface RequestSubject {
  /** The messages, in the shape of the AI SDK's language-model prompt. */
  readonly messages: readonly unknown[]
  readonly model: string
  /** The names of the tools that the model is offered. */
  readonly tools: readonly string[]
}

/** What the model answered. */
export interface AnswerSubject {
  readonly text: string
  /** The calls it proposes. Each is put before the guards at `call` too. */
  readonly calls: readonly { readonly id: string; readonly tool: string; readonly args: unknown }[]
}

/** A call that the model proposes, with arguments that fit the tool's schema. */
export interface CallSubject {
  readonly id: string
  readonly tool: GuardedTool
  readonly args: unknown
}

/** What a call came to, before the model is told. */
export interface ResultSubject extends CallSubject {
  readonly value: unknown
  /** As the model will get it. */
  readonly text: string
  readonly isError: boolean
}

/** What the agent returns. */
export interface OutputSubject {
  readonly text: string
  readonly value: unknown
}

/** The subject at each position. */
export interface Subjects {
  readonly input: InputSubject
  readonly request: RequestSubject
  readonly answer: AnswerSubject
  readonly call: CallSubject
  readonly result: ResultSubject
  readonly output: OutputSubject
}

/** Where in a turn a guard looks. */
export type Position = keyof Subjects

/** In the order in which a turn comes by them. */
export const positions: readonly Position[] = [
  'input',
  'request',
  'answer',
  'call',
  'result',
  'output',
]

/**
 * What a fix replaces at each position: the text, the messages, the arguments, or the value. Throws
 * BAD_INPUT when this is nothing that can stand there; it must be data in any case.
 */
export function withFix<P extends Position>(
  position: P,
  subject: Subjects[P],
  value: unknown,
): Subjects[P] {
  encode(value) // throws NOT_SERIALISABLE: what is recorded must be data
  const fixed = replaced(position, subject, value)
  if (fixed !== undefined) return fixed as Subjects[P]
  throw new EverloopError(
    'BAD_INPUT',
    `A fix at "${position}" must be ${fixes[position]}, but this is ${shown(value)}.`,
  )
}

/** What a fix must be, in words. */
const fixes: Readonly<Record<Position, string>> = {
  input: 'a text',
  request: 'a list of messages',
  answer: 'a text',
  call: 'an object of arguments',
  result: 'a value',
  output: 'a value',
}

function replaced(position: Position, subject: object, value: unknown): object | undefined {
  switch (position) {
    case 'input':
    case 'answer':
      return typeof value === 'string' ? { ...subject, text: value } : undefined
    case 'request':
      return Array.isArray(value) ? { ...subject, messages: value } : undefined
    case 'call':
      return isObject(value) ? { ...subject, args: value } : undefined
    case 'result':
      return { ...subject, value, text: wholeText(value) }
    case 'output':
      return { ...subject, value, text: textOf(value) }
  }
}

/** What a fix has made of a subject: what the record keeps, and what stands in its place. */
export function fixedPart(position: Position, subject: object): unknown {
  const { text, messages, args, value } = subject as Record<string, unknown>
  switch (position) {
    case 'input':
    case 'answer':
      return text
    case 'request':
      return messages
    case 'call':
      return args
    case 'result':
    case 'output':
      return value
  }
}

/** The part of a subject that its author wrote: what guards on texts look through. */
export function judgedPart(position: Position, subject: object): unknown {
  if (position === 'answer') {
    const { text, calls } = subject as AnswerSubject
    return { text, calls }
  }
  if (position === 'result') {
    const { text, value } = subject as ResultSubject
    return typeof value === 'string' && value === text ? text : { value, text }
  }
  return fixedPart(position, subject)
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : encode(value)
