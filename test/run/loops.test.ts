/** Loops: turns, their state, and what a turn may not do. */
import { describe, expect, test } from 'vitest'
import { type EverloopError, flow, type Run, type Turn } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

describe('a loop', () => {
  test('hands each turn the frozen state that a resume would read', async () => {
    const first = { list: [1], at: new Date(0), map: new Map([['a', 1]]), gone: undefined }
    const seen: unknown[] = []
    const looping = flow('looping', async (run) =>
      run.loop('l', { state: first }, async (turn, state) => {
        seen.push([state === first, Object.isFrozen(state), Object.isFrozen(state.list)])
        const errors = [
          () => state.list.push(2),
          () => state.map.set('b', 2),
          () => state.at.setTime(1),
          () => ((state as { gone: unknown }).gone = 1),
        ].map((mutate) => {
          try {
            mutate()
          } catch (error) {
            return (error as Error).name
          }
          return 'no error'
        })
        return turn.turn === 2
          ? turn.done(errors)
          : turn.next({ ...state, list: [...state.list, 2], at: new Date(1) })
      }),
    )
    await using runtime = await testRuntime({ flows: [looping] })
    const run = await runtime.start(looping, undefined)
    expect(await runtime.result(run)).toEqual(['TypeError', 'TypeError', 'TypeError', 'TypeError'])
    for (const row of seen) expect(row).toEqual([false, true, true])
  })

  test('whose caller changes the state it handed over is not changed by that', async () => {
    const looping = flow('looping', async (run) => {
      const own = { list: [1] }
      const result = run.loop('l', { state: own }, async (turn, state) => {
        await turn.step('s', () => 1)
        return turn.done(state.list)
      })
      own.list.push(2)
      return result
    })
    const report = await crashAtEveryCommit(looping, undefined)
    expect(report.outcomes).toEqual([{ status: 'completed', output: [1] }])
  })

  test.each<[string, (turn: Turn<number>) => unknown]>([
    ['nothing', () => undefined],
    ['the bare state', () => 1],
    ['something that looks like a verdict', () => ({ state: 1, next: true })],
  ])('whose turn returns %s fails with NOT_A_TURN', async (_, body) => {
    const wrong = flow('wrong', async (run) => run.loop('l', { state: 0 }, body as never))
    await using runtime = await testRuntime({ flows: [wrong] })
    const run = await runtime.start(wrong, undefined)
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'NOT_A_TURN' },
    })
    await runtime.verify()
  })

  /** Bodies that return what another turn's handle has made. */
  const strays: Readonly<Record<string, (run: Run, other: Turn<number>) => Promise<unknown>>> = {
    'an earlier turn': async (run) => {
      let kept: ReturnType<Turn<number>['next']> | undefined
      return run.loop('l', { state: 0 }, async (turn, n) =>
        turn.turn === 4 ? turn.done(n) : (kept ??= turn.next(n + 1)),
      )
    },
    'a loop that has ended': async (run) => {
      const made: unknown[] = []
      await run.loop('ended', { state: 0 }, (turn) => {
        made.push(turn.done(1))
        return turn.done(0)
      })
      return run.loop('l', { state: 0 }, (() => made[0]) as never)
    },
    'an inner turn': async (run) =>
      run.loop('l', { state: 0 }, async (outer) => {
        const made: unknown[] = []
        await outer.loop('inner', { state: 0 }, (inner) => {
          made.push(inner.done(1))
          return inner.done(0)
        })
        return made[0] as ReturnType<typeof outer.done>
      }),
    'another run': async (run, other) =>
      run.loop('l', { state: 0 }, async () => other.done('of the other')),
  }

  test.each(Object.keys(strays))('refuses what the handle of %s has made', async (whose) => {
    const handed = Promise.withResolvers<Turn<number>>()
    const other = flow('other', async (run) =>
      run.loop('elsewhere', { state: 0 }, async (turn) => {
        handed.resolve(turn)
        return turn.done(await turn.signal('go'))
      }),
    )
    const stray = flow('stray', async (run) => strays[whose]?.(run, await handed.promise))
    await using runtime = await testRuntime({ flows: [other, stray], development: false })
    await runtime.start(other, undefined, { id: 'other' })
    const run = await runtime.start(stray, undefined, { id: 'run' })
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: {
        code: 'WRONG_SCOPE',
        message: expect.stringMatching(
          /^Turn \d of loop "l" in run "run" returned what the handle of turn "\S+"( of run "other")? made\./,
        ),
      },
    })
    await runtime.verify()
  })

  test('whose turn changes the state fails with the error of JavaScript, and the failure names the loop', async () => {
    const changing = flow('changing', async (run) =>
      run
        .loop('l', { state: { n: 0 } }, (turn, state) => turn.done((state.n = 1)))
        .catch((error: unknown) => {
          const { code, step, message } = error as EverloopError
          return { code, step, message }
        }),
    )
    const report = await crashAtEveryCommit(changing, undefined)
    expect(report.outcomes).toEqual([
      {
        status: 'completed',
        output: {
          code: 'SCOPE_FAILED',
          step: 'l',
          message: expect.stringContaining("TypeError: Cannot assign to read only property 'n'"),
        },
      },
    ])
  })

  test('of many turns over a state of every shape has one outcome whenever the worker dies', async () => {
    interface State {
      readonly messages: readonly { readonly role: string; readonly text: string }[]
      readonly counts: ReadonlyMap<string, number>
      readonly last: Date
      readonly dropped: unknown
    }
    const first: State = { messages: [], counts: new Map(), last: new Date(0), dropped: 'x' }
    const talking = flow('talking', async (run) =>
      run.loop('talk', { state: first }, async (turn, state: State) => {
        const text = await turn.step('say', () => `turn ${turn.turn} ${'long '.repeat(100)}`)
        const reply = await turn.step('reply', () => ({ role: 'other', text: text.toUpperCase() }))
        const next: State = {
          messages: [...state.messages, { role: 'one', text }, reply].slice(-6),
          counts: new Map([...state.counts, [`t${turn.turn}`, turn.turn]]),
          last: new Date(turn.turn),
          dropped: turn.turn % 2 === 0 ? undefined : state.counts.size,
        }
        return turn.turn === 7 ? turn.done(next) : turn.next(next)
      }),
    )
    const report = await crashAtEveryCommit(talking, undefined)
    expect(report.flaws).toEqual([])
    expect(report.outcomes).toHaveLength(1)
    expect(report.live).toMatchObject({ output: { messages: { length: 6 }, last: new Date(7) } })
  })

  test('of a thousand turns costs a resume the last of them, not all', async () => {
    const counting = flow('counting', async (run) =>
      run.loop('l', { state: { n: 0, text: 'x'.repeat(50) } }, async (turn, state) => {
        if (state.n === 1000) return turn.done(await turn.signal('go'))
        await turn.step('s', () => 1)
        return turn.next({ ...state, n: state.n + 1 })
      }),
    )
    let read = 0
    await using runtime = await testRuntime({
      flows: [counting],
      onCall: async ({ method }, proceed) => {
        const reply = await proceed()
        if (method === 'openEntries') read = (reply as readonly unknown[]).length
        return reply
      },
    })
    const run = await runtime.start(counting, undefined)
    await runtime.signal(run, 'go', 'went')
    expect(await runtime.result(run)).toBe('went')
    expect((await run.status()).entries).toBeGreaterThan(2000)
    expect(read).toBeLessThan(400)
    await runtime.verify()
  })

  test('that fails in a turn hands the error on, and its turns before stay committed', async () => {
    const failing = flow('failing', async (run) =>
      run
        .loop('l', { state: 0 }, async (turn, n) => {
          if (n === 3) throw new RangeError('enough')
          return turn.next(n + 1)
        })
        .catch((error: unknown) => (error as { cause: { name: string; message: string } }).cause),
    )
    const report = await crashAtEveryCommit(failing, undefined)
    expect(report.outcomes).toEqual([
      { status: 'completed', output: { name: 'RangeError', message: 'enough' } },
    ])
    expect(report.flaws).toEqual([])
  })

  test('in a development of sampled turns finds no hidden state where there is none', async () => {
    const honest = flow('honest', async (run) => {
      const limit = await run.step('limit', () => 40)
      const wait = async (handle: Run): Promise<number> => handle.step('s', () => 1)
      return run.loop('l', { state: { n: 0, at: 0 } }, async (turn, state) => {
        const by = await wait(turn)
        const chance = turn.random() > 2 ? 1 : 0
        const next = { n: state.n + by + chance, at: turn.now() }
        return next.n === limit ? turn.done(next.n) : turn.next(next)
      })
    })
    await using runtime = await testRuntime({ flows: [honest] })
    expect(await runtime.result(await runtime.start(honest, undefined))).toBe(40)
  })

  test.each(['short', 'long'])(
    'in a development of sampled turns leaves the flow its input, which it may use up: a %s one',
    async (length) => {
      const jobs = ['a', 'b', 'c', 'd'].map((job) => job.padEnd(length === 'long' ? 100_000 : 1))
      const using = flow('using', async (run, input: { readonly jobs: string[] }) => {
        const done: string[] = []
        for (let job = input.jobs.shift(); job !== undefined; job = input.jobs.shift()) {
          const state = { n: 0, job }
          const worked = await run.loop('work', { state }, async (turn, { n, job: mine }) => {
            await turn.step('s', () => n)
            return n === 3 ? turn.done(mine.trim()) : turn.next({ n: n + 1, job: mine })
          })
          done.push(worked)
        }
        return done
      })
      await using runtime = await testRuntime({ flows: [using] })
      const run = await runtime.start(using, { jobs })
      expect(await runtime.result(run)).toEqual(['a', 'b', 'c', 'd'])
    },
  )

  test('that keeps a counter outside of its state is paused, and goes on once it is mended', async () => {
    let mended = false
    const hiding = flow('hiding', async (run) => {
      let hidden = 0
      return run.loop('l', { state: { n: 0, sum: 0 } }, async (turn, state) => {
        await turn.step('s', () => 1)
        hidden += 1
        const next = { n: state.n + 1, sum: mended ? state.n + 1 : hidden }
        return next.n === 10 ? turn.done(next.sum) : turn.next(next)
      })
    })
    await using runtime = await testRuntime({ flows: [hiding] })
    const run = await runtime.start(hiding, undefined)
    const settled = await runtime.settled(run)
    expect(settled).toMatchObject({ status: 'paused', code: 'HIDDEN_STATE' })
    expect(settled).toMatchObject({ message: expect.stringContaining('l/2') })
    mended = true
    await runtime.ever.resume(run.id)
    expect(await runtime.result(run)).toBe(10)
    await runtime.verify()
  })

  test('whose second execution asks for less is paused', async () => {
    const lessening = flow('lessening', async (run) => {
      let turns = 0
      return run.loop('l', { state: 0 }, async (turn, n) => {
        await turn.step('s', () => 1)
        turns++
        if (turns > 1) await turn.step('extra', () => 1)
        return n === 10 ? turn.done(n) : turn.next(n + 1)
      })
    })
    await using runtime = await testRuntime({ flows: [lessening] })
    const settled = await runtime.settled(await runtime.start(lessening, undefined))
    expect(settled).toMatchObject({ status: 'paused', code: 'HIDDEN_STATE' })
    expect(settled).toMatchObject({
      message: expect.stringContaining('did not ask for "l/2/extra"'),
    })
  })

  test('is not sampled in production', async () => {
    const hiding = flow('hiding', async (run) => {
      let hidden = 0
      return run.loop('l', { state: 0 }, async (turn) => {
        await turn.step('s', () => 1)
        hidden += 1
        return hidden === 10 ? turn.done('done') : turn.next(hidden)
      })
    })
    await using runtime = await testRuntime({ flows: [hiding], development: false })
    expect(await runtime.result(await runtime.start(hiding, undefined))).toBe('done')
  })
})

test('what a turn has left behind does not go on while the turn is executed a second time', async () => {
  const leaving = flow('leaving', async (run) => {
    for (let i = 0; i < 5; i++) await run.step('before', () => i) // which takes the second execution a while
    return run.loop('l', { state: 0 }, (turn, n) => {
      void turn.step('left', () => n).then(() => turn.note('nobody waits for this'))
      return n < 5 ? turn.next(n + 1) : turn.done(n)
    })
  })
  const report = await crashAtEveryCommit(leaving, undefined, { development: true })
  expect(report.outcomes).toEqual([{ status: 'completed', output: 5 }])
  expect([...report.strays, ...report.flaws]).toEqual([])
})
