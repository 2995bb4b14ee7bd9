/** Decisions about calls through the command line, in processes of their own, workers running or not. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { explain } from '../../src/cli/explain.ts'
import {
  action,
  conversation,
  type Conversation,
  flow,
  open,
  type Settled,
} from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { testRuntime } from '../../src/testing/index.ts'
import { agentFile, everloop, everloopJson, start } from './command-line.ts'
import { evil, hasty } from './sample-agents.ts'
import { testFolder } from '../test-folder.ts'

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/

interface Shown {
  readonly id: string
  readonly run: string
  readonly tool: string
  readonly args: unknown
  readonly digest: string
  readonly due?: number
}

/** A store of its own, and the commands on it. */
function bench() {
  const folder = testFolder()
  const location = join(folder, 'ledger.db')
  const store = `sqlite:${location}`
  const log = join(folder, 'log')
  const env = { EVERLOOP_STORE: store, LOG: log }
  return {
    location,
    env,
    log,
    /** Starts a run that nobody executes yet. */
    begin: async (flow: string, id: string, by?: string): Promise<void> => {
      await using ever = await open({ store, work: false })
      const { [flow as 'payer']: agent } = await import('./sample-agents.ts')
      await ever.start(agent, { prompt: 'Pay.' }, { id, ...(by === undefined ? {} : { by }) })
    },
    /** A worker from its start until nothing is due. */
    work: async (more: Readonly<Record<string, string>> = {}): Promise<void> => {
      const { code, stderr } = await everloop(['work', agentFile, '--until', 'idle'], {
        env: { ...env, ...more },
      })
      expect(code, stderr).toBe(0)
    },
    cli: (...args: string[]) => everloop(args, { env }),
    json: <T>(...args: string[]) => everloopJson<T>(args, { env }),
    listed: async (): Promise<readonly Shown[]> => {
      const { document } = await everloopJson<{ approvals: readonly Shown[] }>(
        ['approvals', 'list'],
        { env },
      )
      return document.approvals
    },
    settled: async (id: string): Promise<Settled> => {
      await using ever = await open({ store, work: false })
      return await (await ever.get(id)).settled()
    },
    conversation: async (id: string): Promise<Conversation> => {
      await using ever = await open({ store, work: false })
      return await conversation(ever, id)
    },
    /** What was paid, in order. */
    paid: (): readonly string[] =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .split('\n')
            .filter((line) => line.startsWith('paid '))
            .map((line) => line.split(' ').slice(1, 3).join(' '))
        : [],
    times: (what: string): readonly number[] =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(what))
        .map((line) => Number(line.split(' ').at(-2))),
  }
}

const bobs = `${JSON.stringify(evil)} 20000`

describe('approvals', { timeout: 60_000 }, () => {
  test('of three calls one waits; it is shown cleaned, approved while nobody works, and made at once by who does', async () => {
    const { begin, work, cli, json, listed, paid, settled, env } = bench()
    await begin('payer', 'pay-1')
    await work()
    expect(paid().toSorted()).toEqual(['"Ada" 100', '"Cyd" 300'])
    const [open, ...others] = await listed()
    expect(others).toEqual([])
    expect(open).toMatchObject({ run: 'pay-1', tool: 'pay', args: { to: evil, cents: 20_000 } })

    const [text, shown, why, talk] = await Promise.all([
      cli('approvals', 'list'),
      cli('approvals', 'show', 'pay-1'),
      cli('runs', 'explain', 'pay-1'),
      cli('runs', 'conversation', 'pay-1'),
    ])
    for (const { code, stdout } of [text, shown, why, talk]) {
      expect(code).toBe(0)
      expect(stdout).not.toMatch(unsafe)
    }
    expect(text.stdout).toMatch(/pay-1\S+ .* never .* 0 of 1 .* anybody .* pay .*"to":"Bob/)
    expect(shown.stdout).toContain(open?.digest)
    expect(why.stdout).toMatch(
      /^Waiting for an approval since .*"to":"Bob.*\nNext: everloop approvals show pay-1\S+\n$/,
    )
    expect(await json('runs', 'explain', 'pay-1')).toMatchObject({
      document: { reason: 'approval', status: 'waiting' },
    })

    // Bound to what was shown, by a beginning of the id, once.
    const other = await json('approvals', 'approve', 'pay-1', '--digest', 'another')
    expect([other.code, other.error.code]).toEqual([1, 'APPROVAL_REFUSED'])
    const prefix = open?.id.slice(0, -2) ?? ''
    const done = await json(
      'approvals',
      'approve',
      prefix,
      '--digest',
      open?.digest ?? '',
      '--by',
      'eve',
    )
    expect(done).toMatchObject({ code: 0, document: { approval: open?.id, verdict: 'approve' } })
    for (const again of [
      ['approvals', 'approve', 'pay-1', '--by', 'dan'],
      ['approvals', 'deny', 'pay-1', '--by', 'dan'],
      ['questions', 'answer', open?.id ?? '', '{"verdict":"approve"}', '--by', 'eve'],
    ]) {
      const { code, error } = await json(...again)
      expect([again.join(' '), code, error.code]).toEqual([again.join(' '), 1, 'QUESTION_CLOSED'])
    }
    expect(paid()).toHaveLength(2)
    expect(await json('runs', 'explain', 'pay-1')).toMatchObject({ document: { status: 'ready' } })

    const worker = start(['work', agentFile], { env })
    await worker.prints(/Serving/)
    const ends = start(['runs', 'watch', 'pay-1'], { env })
    expect((await ends.ended).code).toBe(0)
    expect(paid()).toHaveLength(3)
    expect(paid().at(-1)).toBe(bobs)
    worker.child.kill('SIGTERM')
    expect((await worker.ended).code).toBe(0)
    expect(await settled('pay-1')).toEqual({ status: 'completed', output: `Done ${evil}.` })
    // Replayed after the run's end.
    const replayed = await json('questions', 'answer', open?.id ?? '', '{"verdict":"approve"}')
    expect([replayed.code, replayed.error.code]).toEqual([1, 'QUESTION_CLOSED'])
    const gone = await json('approvals', 'approve', open?.id ?? '')
    expect([gone.code, gone.error.code]).toEqual([1, 'QUESTION_CLOSED'])
    expect(paid()).toHaveLength(3)
    const told = await cli('runs', 'conversation', 'pay-1')
    expect(told.stdout).toMatch(/approved by eve/)
    expect(told.stdout).not.toMatch(unsafe)
  })

  test('of two who must approve the first is told that one is missing', async () => {
    const { begin, work, cli, json, paid } = bench()
    await begin('grave', 'pay-1')
    await work()
    const first = await cli('approvals', 'approve', 'pay-1', '--by', 'eve')
    expect(first.stdout).toMatch(/^Approved 1 of 2: pay waits for 1 more \(pay-1\/\d+\)\.\n$/)
    await work()
    expect(paid()).toEqual([])
    const second = await json('approvals', 'approve', 'pay-1', '--by', 'dan')
    expect(second.document).toMatchObject({ verdict: 'approve', approved: 2, approvals: 2 })
    await work()
    expect(paid()).toEqual(['"Ada" 100'])
  })

  test('arguments are edited, checked, and what was edited is what is made', async () => {
    const { begin, work, cli, json, listed, paid } = bench()
    await begin('payer', 'pay-1')
    await work()
    const broken = await json('approvals', 'edit', 'pay-1', '{"to":')
    expect([broken.code, broken.error.code]).toEqual([2, 'BAD_INPUT'])
    // What does not fit the tool's schema is refused here, for everybody who answers.
    for (const command of [
      ['approvals', 'edit', 'pay-1', '{"to":"Bob","cents":-5}', '--by', 'eve'],
      ['questions', 'answer', 'pay-1', '{"verdict":"approve","args":{"to":"Bob","cents":-5}}'],
    ]) {
      const { code, error } = await json(...command)
      expect([code, error.code]).toEqual([2, 'BAD_INPUT'])
      expect(error.message).toMatch(/does not fit the tool pay's schema: cents: .*must fit: \n?\{/)
    }
    // What only the tool's code can tell is found by the run, which asks again and says why.
    const sent = await cli('approvals', 'edit', 'pay-1', '{"to":"Nobody","cents":5}', '--by', 'eve')
    expect(sent.stdout).toMatch(/^Sent: pay is approved with other arguments; .* when a worker /)
    await work()
    expect(await listed()).toHaveLength(1)
    const shown = await cli('approvals', 'show', 'pay-1')
    expect(shown.stdout).toMatch(/refused before +.*Nobody cannot be paid\./)
    expect(paid()).toHaveLength(2)
    const edited = await json(
      'approvals',
      'edit',
      'pay-1',
      '{"to":"Bob","cents":50}',
      '--by',
      'eve',
    )
    expect(edited).toMatchObject({ code: 0, document: { verdict: 'edit' } })
    await work()
    expect(paid().at(-1)).toBe('"Bob" 50')
    expect(paid()).toHaveLength(3)
  })

  test('where several must approve, one edits, and all of them decide anew', async () => {
    const { begin, work, cli, json, listed, paid } = bench()
    await begin('grave', 'pay-1')
    await work()
    await json('approvals', 'approve', 'pay-1', '--by', 'eve')
    const args = '{"to":"Ada","cents":50}'
    const edited = await json('approvals', 'edit', 'pay-1', args, '--by', 'dan')
    expect(edited.document).toMatchObject({ verdict: 'edit', approved: 1, approvals: 2 })
    await work()
    expect(await listed()).toMatchObject([{ votes: [], args: { to: 'Ada', cents: 50 } }])
    const again = await cli('approvals', 'edit', 'pay-1', '{"to":"Ada","cents":40}', '--by', 'eve')
    expect(again.stdout).toMatch(/Where these need several people, they are asked anew \(/)
    await work()
    for (const by of ['eve', 'dan']) await json('approvals', 'approve', 'pay-1', '--by', by)
    await work()
    expect(paid()).toEqual(['"Ada" 40'])
  })

  test('a decision about a tool that has changed since counts for nothing', async () => {
    const { begin, work, cli, json, listed, paid, conversation } = bench()
    await begin('payer', 'pay-1')
    await work()
    const [first] = await listed()
    await json('approvals', 'approve', 'pay-1', '--by', 'eve')
    await work({ OTHER_TOOL: 'yes' })
    const [second] = await listed()
    expect(second?.digest).not.toBe(first?.digest)
    expect(paid()).toHaveLength(2)
    // What became of the first request says why.
    const reason = 'The call is no longer the one that was asked about.'
    const { items } = await conversation('pay-1')
    expect(items).toContainEqual(
      expect.objectContaining({ is: 'approval', call: 'p2', verdict: 'voided', reason }),
    )
    const { stdout } = await cli('runs', 'conversation', 'pay-1')
    expect(stdout).toContain(`\n    voided: ${reason}\n    waits for somebody (${second?.id})\n`)
    // The old digest is refused: it is another call now.
    const old = await json('approvals', 'approve', 'pay-1', '--digest', first?.digest ?? '')
    expect([old.code, old.error.code]).toEqual([1, 'APPROVAL_REFUSED'])
    await json('approvals', 'deny', 'pay-1', '--by', 'eve', '--reason', 'Not this tool.')
    await work({ OTHER_TOOL: 'yes' })
    expect(paid()).toHaveLength(2)
  })

  test('who asked for the run does not approve it, by whichever command', async () => {
    const { begin, work, json, listed, paid, settled, conversation: talkOf } = bench()
    await begin('careful', 'own-1', 'mallory')
    await work()
    for (const by of [
      ['--by', 'mallory'],
      ['--by', ''],
    ]) {
      const { code, error } = await json('approvals', 'approve', 'own-1', ...by)
      expect([code, error.code]).toEqual([1, 'APPROVAL_REFUSED'])
    }
    // As an answer to the question it is, it is taken, and refused by the run.
    const [open] = await listed()
    await json('questions', 'answer', open?.id ?? '', '{"verdict":"approve"}', '--by', 'mallory')
    await work()
    await json('questions', 'answer', open?.id ?? '', '{"verdict":"approve"}')
    await work()
    expect(paid()).toEqual([])
    expect(await listed()).toMatchObject([{ id: open?.id, votes: [], isAnswered: false }])
    await json('approvals', 'approve', 'own-1', '--by', 'eve')
    await work()
    expect(paid()).toEqual(['"Ada" 100'])
    expect(await settled('own-1')).toMatchObject({ status: 'completed' })
    expect((await talkOf('own-1')).items).toContainEqual(
      expect.objectContaining({ is: 'approval', verdict: 'approved', by: 'eve' }),
    )
  })

  test('what was not decided in time is denied, and cannot be decided any more', async () => {
    const { location, work, json, listed, paid, settled, conversation: talkOf } = bench()
    {
      // The clock of whoever asks stands behind that of the commands.
      await using runtime = await testRuntime({
        flows: [hasty],
        store: (ports) => sqliteStore({ location, ports, durability: 'process' }),
        start: Date.now() - 3_600_000,
      })
      await runtime.start(hasty, { prompt: 'Pay.' }, { id: 'late-1' })
    }
    expect(await listed()).toMatchObject([{ run: 'late-1', isAnswered: false }])
    const { code, error } = await json('approvals', 'approve', 'late-1', '--by', 'eve')
    // Its time is over, whether or not a worker has said so.
    expect([code, error.code]).toEqual([1, 'QUESTION_CLOSED'])
    await work()
    expect(paid()).toEqual([])
    expect(await settled('late-1')).toMatchObject({ status: 'completed' })
    expect((await talkOf('late-1')).items).toContainEqual(
      expect.objectContaining({ is: 'approval', verdict: 'expired' }),
    )
  })

  test('it is put off and handed to somebody; several that fit are told', async () => {
    const { begin, work, cli, json, listed, paid } = bench()
    await begin('payer', 'pay-1')
    await begin('payer', 'pay-2')
    await work()
    const several = await json('approvals', 'show', 'pay')
    expect([several.code, several.error.code]).toEqual([3, 'AMBIGUOUS_ID'])
    const none = await json('approvals', 'show', 'nothing')
    expect([none.code, none.error.code]).toEqual([3, 'UNKNOWN_QUESTION'])
    expect(await json('approvals', 'snooze', 'pay-1', '--for', '2h', '--by', 'eve')).toMatchObject({
      code: 0,
      document: { snoozed: '2h' },
    })
    const bad = await json('approvals', 'snooze', 'pay-2', '--for', 'soon')
    expect([bad.code, bad.error.code]).toEqual([2, 'BAD_DURATION'])
    expect(await json('approvals', 'assign', 'pay-2', `dan${evil}`)).toMatchObject({ code: 0 })
    await work()
    expect(await listed()).toMatchObject([{ run: 'pay-2', assignee: `dan${evil}` }])
    const text = await cli('approvals', 'list')
    expect(text.stdout).toMatch(/danBob/)
    expect(text.stdout).toContain('1 put off; --all shows them.')
    expect(text.stdout).not.toMatch(unsafe)
    const all = (await cli('approvals', 'list', '--all')).stdout
    expect(all).toMatch(/^pay-1\S+ .* put off until \d{4}-\d\d-\d\d [\d:]+ .*\npay-2\S+ .* open /m)
    expect((await cli('approvals', 'show', 'pay-1')).stdout).toMatch(/^state +put off until \d/m)
    expect(paid()).toHaveLength(4)
  })
})

describe('what else waits for people', { timeout: 60_000 }, () => {
  test('a call in doubt is explained, and answered once', async () => {
    const { begin, work, cli, json, settled, times } = bench()
    await begin('doubtful', 'doubt-1')
    await work()
    // Nothing of it is on its way after a moment, which the worker does not wait for.
    const asks = async (): Promise<string | undefined> => {
      await work()
      return (await json<Why>('runs', 'explain', 'doubt-1')).document.fix
    }
    await expect.poll(asks).toMatch(/^everloop questions show doubt-1\S+$/)
    const why = await cli('runs', 'explain', 'doubt-1')
    expect(why.stdout).toMatch(
      /^Waiting for somebody to say what came of a call: Did "refund" happen\? [^…]*Bob[^…]* is not known\. It threw Error: connection lost\.\n/,
    )
    expect(why.stdout).not.toMatch(unsafe)
    const wrong = await json('questions', 'answer', 'doubt-1', '{"verdict":"maybe"}')
    expect([wrong.code, wrong.error.code]).toEqual([2, 'BAD_INPUT'])
    const done = '{"verdict":"done","result":"refunded 7"}'
    expect((await json('questions', 'answer', 'doubt-1', done, '--by', 'eve')).code).toBe(0)
    const again = await json('questions', 'answer', 'doubt-1', done)
    expect([again.code, again.error.code]).toEqual([1, 'QUESTION_CLOSED'])
    await work()
    expect(await settled('doubt-1')).toEqual({ status: 'completed', output: 'Heard: refunded 7' })
    expect(times('refunded')).toHaveLength(1)
    expect((await cli('runs', 'conversation', 'doubt-1')).stdout).toContain('it happened')
  })

  test('a budget that is used up is explained, and raised', async () => {
    const { begin, work, cli, json, settled } = bench()
    await begin('poor', 'poor-1')
    await work()
    const { document } = await json<Why>('runs', 'explain', 'poor-1')
    expect(document).toMatchObject({
      reason: 'question',
      status: 'waiting',
      fix: expect.stringMatching(/^everloop questions answer poor-1\/\d+ ANSWER$/),
    })
    // The whole question, and what may be answered.
    expect(document.sentence).toMatch(
      /The budget of agent "poor" is used up: 1 of 1 turns\. .* or stop \("stop"\)\?” .*; answer: continue, stop, or JSON like \{"verdict":"raise","limits":\{"turns":2\}\}\)\.$/,
    )
    const said = await cli('runs', 'conversation', 'poor-1')
    expect(said.stdout).toMatch(
      /^question +The budget of agent .* → waits for somebody \(poor-1\/\d+\)$/m,
    )
    const { stdout } = await cli('questions', 'show', 'poor-1')
    expect(stdout).toMatch(/^about +a budget that is used up$/m)
    expect(stdout).toMatch(/^answer +continue, stop, or JSON like \{"verdict":"raise"/m)
    const other = await json('questions', 'answer', 'poor-1', 'more')
    const takes =
      /It takes continue, stop, or JSON like \{"verdict":"raise","limits":\{"turns":\d\}\}: `everloop questions answer poor-1\/\d+ ANSWER`\. raise: new limits, .* continue: .* stop: the run fails\. `everloop questions show poor-1\/\d+` says what JSON must fit\.$/
    expect(other.error.message).toMatch(takes)
    expect(other.error.message).toMatch(/^The answer does not fit the question\. It takes /)
    const word = await json('questions', 'answer', 'poor-1', 'raise')
    expect([word.code, word.error.code]).toEqual([2, 'BAD_INPUT'])
    expect(word.error.message).toMatch(takes)
    expect(word.error.message).toMatch(/question: The field "limits" is missing\. It takes /)
    const raise = '{"verdict":"raise","limits":{"turns":5}}'
    expect((await json('questions', 'answer', 'poor-1', raise)).code).toBe(0)
    await work()
    expect(await settled('poor-1')).toEqual({ status: 'completed', output: 'Done.' })
    expect((await cli('runs', 'conversation', 'poor-1')).stdout).not.toContain('waits for')
  })

  test('the question of a guard is told as one, and takes its verdicts as words, in quotes too', async () => {
    const { begin, work, cli, json, settled } = bench()
    await begin('wary', 'wary-1')
    await work()
    const { document } = await json<Why>('runs', 'explain', 'wary-1')
    expect(document.sentence).toMatch(/to "Send it\?" .*; answer: allow, deny, or JSON\)\.$/)
    expect((await cli('questions', 'show', 'wary-1')).stdout).toMatch(/^about +what a guard asks$/m)
    expect((await json('questions', 'answer', 'wary-1', '"allow"')).code).toBe(0)
    await work()
    expect(await settled('wary-1')).toEqual({ status: 'completed', output: 'Sent.' })
  })

  test('undoing that is tried again is explained', async () => {
    const cancel = action('cancel', () => {
      throw new Error('the office is closed')
    })
    const books = flow({
      name: 'books',
      actions: [cancel],
      run: async (run) => {
        await run.undo(cancel, { id: 7 })
        throw new Error('out of stock')
      },
    })
    await using runtime = await testRuntime({ flows: [books] })
    const { id } = await runtime.start(books, undefined, { id: 'undo-1' })
    expect(await explain(runtime.ever, id)).toMatchObject({
      reason: 'undo',
      status: 'waiting',
      sentence: expect.stringContaining('the office is closed'),
    })
  })
})

interface Why {
  readonly sentence: string
  readonly fix?: string
}
