/** What people are told of calls in doubt: their input, whatever it holds, and what is known of what went wrong. */
import { describe, expect, test } from 'vitest'
import { flow, type Reconcile, unknown } from 'everloop'
import { testRuntime } from 'everloop/testing'

test('a call in doubt with a bigint in its input is asked about', async () => {
  const paying = flow('paying', (run) =>
    run.step('pay', { effect: 'once', input: { cents: 10n, to: 'Zoë' }, settle: '1s' }, () => {
      throw new Error('lost')
    }),
  )
  await using runtime = await testRuntime({ flows: [paying] })
  const run = await runtime.start(paying, undefined)
  await runtime.advance('10m')
  const [question] = await runtime.ever.questions()
  expect(question?.prompt).toMatch(/10.*Zoë/)
  await runtime.ever.answer(question!.id, { verdict: 'done', result: 1 })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 1 })
})

describe('people are told', () => {
  const threw = (): never => {
    throw new Error('bank: gateway\n timeout 504')
  }
  const hangs = (): Promise<never> => new Promise(() => {})
  const asked = 'Why you are asked: '
  test.each<
    [what: string, body: () => unknown, reconcile: Reconcile<never> | undefined, said: string]
  >([
    ['what it threw', threw, undefined, 'It threw Error: bank: gateway timeout 504.'],
    ['that its time was over', hangs, undefined, 'Its time was over.'],
    [
      'why reconcile does not know',
      threw,
      () => unknown('No access.'),
      `It threw Error: bank: gateway timeout 504. ${asked}No access.`,
    ],
    ['that it cannot tell', hangs, () => unknown(), `${asked}\`reconcile\` cannot tell.`],
    [
      'what reconcile threw',
      hangs,
      () => {
        throw new TypeError('no route')
      },
      `Its time was over. ${asked}\`reconcile\` threw TypeError: no route`,
    ],
    ['that reconcile took too long', hangs, hangs, `${asked}\`reconcile\` took longer than 1m.`],
    [
      'that it gave no verdict',
      hangs,
      () => 'done' as never,
      `${asked}\`reconcile\` returned none of done(…), notDone() and unknown().`,
    ],
  ])('%s', async (_, body, reconcile, said) => {
    const options = { effect: 'once', timeout: '5s', settle: '1s', input: 1 } as const
    const paying = flow('paying', (run) =>
      run.step('pay', { ...options, ...(reconcile && { reconcile }) }, body),
    )
    await using runtime = await testRuntime({ flows: [paying] })
    await runtime.start(paying, undefined)
    await runtime.advance('10m')
    const [question] = await runtime.ever.questions()
    const known =
      /^Did "pay" happen\? It was called at \S+ \(attempt 1\) with 1, and what came of it is not known\. /
    expect(question?.prompt).toMatch(known)
    expect(question?.prompt.replace(known, '')).toContain(said)
    if (!reconcile) expect(question?.prompt).not.toContain('reconcile')
    await runtime.verify()
  })

  test('that its process died', async () => {
    let calls = 0
    const paying = flow('paying', (run) =>
      run.step('pay', { effect: 'once', settle: '1s' }, () => {
        calls++
        return hangs()
      }),
    )
    await using runtime = await testRuntime({ flows: [paying] })
    await runtime.ever.start(paying, undefined)
    await runtime.runUntil(() => calls === 1)
    runtime.crash()
    await runtime.advance('10m')
    const [question] = await runtime.ever.questions()
    expect(question?.prompt).toMatch(/ is not known\. Its process died\.$/)
  })

  test('no half of a secret, and no more than people read', async () => {
    const key = 'correct-horse-battery-staple'
    for (const units of [240, 285, 290, 300, 310, 5000]) {
      const message = `${'x'.repeat(units)}${key}${'y'.repeat(5000)}`
      const paying = flow('paying', (run) =>
        run.step('pay', { effect: 'once', settle: '1s' }, () => {
          throw new Error(message)
        }),
      )
      await using runtime = await testRuntime({ flows: [paying], secrets: { KEY: key } })
      await runtime.start(paying, undefined)
      await runtime.advance('10m')
      const [question] = await runtime.ever.questions()
      expect(question?.prompt).toMatch(/It threw Error: x.*…$/)
      expect(question?.prompt).not.toContain('correct')
      expect(question?.prompt.length).toBeLessThan(600)
    }
  })
})
