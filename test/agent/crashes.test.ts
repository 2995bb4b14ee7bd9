/** An agent whose worker is killed at every commit: each call once, and the same answer. */
import { expect, test } from 'vitest'
import { agent, done, notDone, tool } from 'everloop'
import { crashAtEveryCommit, scriptedModel } from 'everloop/testing'
import { z } from 'zod'

test('twelve calls of model and tools, three in parallel, one approved, one that must not repeat', async () => {
  const world = { reads: new Map<string, number>(), mails: [] as string[], asked: 0 }
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ at: z.string() }),
    effect: 'read',
    run: ({ at }) => {
      world.reads.set(at, (world.reads.get(at) ?? 0) + 1)
      return `seen ${at}`
    },
  })
  const mail = tool({
    name: 'mail',
    description: 'Sends a mail.',
    input: z.object({ to: z.string() }),
    effect: 'once',
    approval: true,
    reconcile: ({ to }) => (world.mails.includes(to) ? done('sent') : notDone()),
    run: ({ to }) => {
      world.mails.push(to)
      return 'sent'
    },
  })
  const look1 = (at: string, id?: string) => ({
    name: 'look',
    input: { at },
    ...(id ? { id } : {}),
  })
  const model = scriptedModel(({ turn }) => {
    world.asked++
    switch (turn) {
      case 0:
        return { toolCalls: [look1('a', 'a'), look1('b', 'b'), look1('c', 'c')] }
      case 1:
        return { toolCalls: [look1('d', 'd')] }
      case 2:
        return { toolCalls: [{ id: 'm', name: 'mail', input: { to: 'ada' } }, look1('e', 'e')] }
      case 3:
        return { toolCalls: [look1('f', 'f')] }
      default:
        return { text: 'All seen, and a mail sent.' }
    }
  })
  const clerk = agent({ name: 'clerk', model, tools: [look, mail] })
  const report = await crashAtEveryCommit(
    clerk,
    { prompt: 'Look around and tell Ada.' },
    {
      development: false,
      prepare: () => {
        // Exactly once in every life, whatever the crash.
        if (world.asked > 0) {
          expect(world.mails).toEqual(['ada'])
          expect(world.asked).toBeLessThanOrEqual(6)
          expect(Math.max(...world.reads.values())).toBeLessThanOrEqual(2)
        }
        world.reads.clear()
        world.mails.length = 0
        world.asked = 0
      },
      drive: async (runtime) => {
        await runtime.settle()
        const [open] = await runtime.ever.approvals.list()
        if (open && !open.isAnswered) {
          await runtime.ever.approvals.approve(open.id, { by: 'eve', shown: open.digest })
        }
        await runtime.advance('5m')
      },
    },
  )
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'All seen, and a mail sent.' }])
  expect(report.flaws).toEqual([])
  expect(report.boundaries).toBeGreaterThan(20)
  expect(Object.values(report.repeats).every((more) => more <= 1)).toBe(true)
})
