/**
 * What the scripted model of the demo answers. It is no list: it looks at what the tools have returned
 * and decides what to do next, as a model would, only always in the same way.
 */
import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import { setTimeout as pause } from 'node:timers/promises'
import { type ScriptedModel, scriptedModel } from '../../scripted/model.ts'
import type { ScriptedAnswer } from '../../scripted/script.ts'
import { cell } from './cell.ts'
import type { Listing, Matches, Size } from './look.ts'

/** A model without a key, a network and a cost. */
export const scriptedAuditor = (thinkMs: number): ScriptedModel =>
  scriptedModel(
    async ({ body, turn }) => {
      await pause(thinkMs)
      const { prompt } = body as { readonly prompt: LanguageModelV4Prompt }
      return decide(new Notes(prompt), turn + 1)
    },
    { name: 'auditor' },
  )

/** A call of a former answer, and what came of it. */
interface Past {
  readonly tool: string
  readonly input: unknown
  readonly output: { readonly type: string; readonly value?: unknown; readonly reason?: string }
}

/** What the conversation holds so far. */
class Notes {
  readonly #calls: readonly Past[]

  constructor(prompt: LanguageModelV4Prompt) {
    const inputs = new Map(
      prompt
        .flatMap((message) => (message.role === 'assistant' ? message.content : []))
        .flatMap((part) => (part.type === 'tool-call' ? [[part.toolCallId, part.input]] : [])),
    )
    this.#calls = prompt
      .flatMap((message) => (message.role === 'tool' ? message.content : []))
      .flatMap((part) =>
        part.type === 'tool-result'
          ? [{ tool: part.toolName, input: inputs.get(part.toolCallId), output: part.output }]
          : [],
      )
  }

  of(tool: string): readonly Past[] {
    return this.#calls.filter((call) => call.tool === tool)
  }

  /** What a tool has returned, if it was called and all went well. */
  result<T>(tool: string): T | undefined {
    const past = this.of(tool).find(({ output }) => output.type === 'json')
    return past?.output.value as T | undefined
  }

  matches(): readonly Matches[] {
    return this.of('search').flatMap(({ output }) =>
      output.type === 'json' ? [output.value as Matches] : [],
    )
  }
}

type Wish = readonly [tool: string, input: object]

/** Words that tell of what is unfinished, and of what is careless in this kind of code. */
const unfinished = ['TODO', 'FIXME']
const careless = {
  script: ['console.log', '@ts-ignore', 'eslint-disable'],
  other: ['XXX', 'HACK', 'password'],
}

function decide(notes: Notes, turn: number): ScriptedAnswer {
  const say = (text: string, ...wishes: readonly Wish[]): ScriptedAnswer => ({
    text,
    toolCalls: wishes.map(([name, input], i) => ({ id: `call-${turn}-${i + 1}`, name, input })),
  })
  if (notes.of('list_files').length === 0) {
    return say('I begin with what there is.', ['list_files', {}])
  }
  const list = notes.result<Listing>('list_files')
  const isScript = list?.kinds.some(({ kind }) => /^\.[cm]?[jt]sx?$/.test(kind)) ?? false
  if (notes.of('longest_files').length === 0) {
    const first =
      list === undefined || list.files === 0
        ? 'The list is empty. I look twice before I say so.'
        : `${list.files} files, ${kindsText(list)}. Now where the weight is, and what is unfinished.`
    return say(
      first,
      ['longest_files', { count: 8 }],
      ...unfinished.map((word): Wish => ['search', { text: word }]),
      ...(isScript ? [['undocumented_exports', {}] as const] : []),
    )
  }
  const longest = notes.result<readonly Size[]>('longest_files') ?? []
  const places = placesToRead(notes, longest)
  if (notes.of('read_file').length === 0 && places.length > 0) {
    const [top] = longest
    const why = top ? `${top.file} is the longest with ${top.lines} lines. ` : ''
    return say(`${why}I read the places that stand out.`, ...places)
  }
  const words = isScript ? careless.script : careless.other
  if (longest.length > 0 && notes.of('search').length <= unfinished.length) {
    return say(
      'That reads well enough. What about shortcuts?',
      ...words.map((word): Wish => ['search', { text: word }]),
    )
  }
  const worst = worstShortcut(notes, words)
  if (worst && notes.of('read_file').length === places.length) {
    return say(
      `"${worst.text}" stands in ${worst.matches} places. I look at the first, whether it is meant.`,
      ...worst.first.slice(0, 1).map(around),
    )
  }
  const [write] = notes.of('write_report')
  if (!write) {
    return say('I have seen enough to write it down.', ['write_report', reportOf(notes, longest)])
  }
  return { text: lastWords(write, notes, longest) }
}

/** The longest file, and the first places of what is unfinished and of what lacks a comment. */
function placesToRead(notes: Notes, longest: readonly Size[]): readonly Wish[] {
  const bare = notes.result<Omit<Matches, 'text'>>('undocumented_exports')
  const open = notes.matches().find(({ text, matches }) => text === 'TODO' && matches > 0)
  const found = [...(open?.first.slice(0, 1) ?? []), ...(bare?.first.slice(0, 1) ?? [])]
  const first = longest.slice(0, 1).map(({ file }): Wish => ['read_file', { path: file, from: 1 }])
  return [...first, ...found.map(around)]
}

const around = ({ file, line }: Matches['first'][number]): Wish => [
  'read_file',
  { path: file, from: Math.max(1, line - 10) },
]

const worstShortcut = (notes: Notes, words: readonly string[]): Matches | undefined =>
  notes
    .matches()
    .filter(({ text, matches }) => words.includes(text) && matches > 0)
    .toSorted((a, b) => b.matches - a.matches)[0]

const kindsText = ({ kinds }: Listing): string =>
  kinds
    .slice(0, 3)
    .map(({ kind, files }) => `${files} × ${kind}`)
    .join(', ')

function reportOf(notes: Notes, longest: readonly Size[]): object {
  const list = notes.result<Listing>('list_files')
  const bare = notes.result<Matches & { readonly exports: number }>('undocumented_exports')
  const limit = list?.limit === undefined ? '' : ` Only ${list.limit} were looked at.`
  const lines = [
    `${list?.files ?? 0} files${list && list.files > 0 ? `: ${kindsText(list)}` : ''}.${limit}`,
    '',
    '## Findings',
    '',
    ...notes.matches().map(findingText),
    ...(bare
      ? [`- ${bare.matches} of ${bare.exports} exports have no comment${firstText(bare)}.`]
      : []),
    ...(longest.length > 0 ? ['', '## The longest files', '', '| file | lines | bytes |'] : []),
    ...(longest.length > 0 ? ['| --- | ---: | ---: |'] : []),
    ...longest.map(({ file, lines: many, bytes }) => `| ${cell(file)} | ${many} | ${bytes} |`),
    '',
    '## What to do first',
    '',
    firstStep(notes, longest),
  ]
  return { title: 'Audit', markdown: lines.join('\n') }
}

const findingText = (found: Matches): string =>
  found.matches === 0
    ? `- "${found.text}" stands nowhere.`
    : `- "${found.text}" stands in ${found.matches} places of ${found.files} files${firstText(found)}.`

function firstText({ first }: Pick<Matches, 'first'>): string {
  const [place] = first
  return place ? `, first in ${cell(place.file)}:${place.line}` : ''
}

function firstStep(notes: Notes, longest: readonly Size[]): string {
  const [worst] = notes.matches().toSorted((a, b) => b.matches - a.matches)
  if (worst && worst.matches > 0) {
    const [place] = worst.first
    return `Go through "${worst.text}", beginning with ${cell(place?.file ?? '')}.`
  }
  const [top] = longest
  return top ? `Nothing is urgent. See whether ${cell(top.file)} is one idea.` : 'Add something.'
}

function lastWords({ output }: Past, notes: Notes, longest: readonly Size[]): string {
  const files = notes.result<Listing>('list_files')?.files ?? 0
  const [top] = longest
  const found = notes.matches().reduce((sum, { matches }) => sum + matches, 0)
  const summary = `I looked at ${files} files and found ${found} places worth a look${top ? `; the longest file is ${top.file} with ${top.lines} lines` : ''}.`
  switch (output.type) {
    case 'json':
    case 'text':
      return `${summary} The report is written.`
    case 'execution-denied':
      return `${summary} I was not allowed to write the report: ${output.reason ?? 'no reason was given'}.`
    default:
      return `${summary} The report could not be written: ${String(output.value)}`
  }
}
