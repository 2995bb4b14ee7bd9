/** Two versions of a flow whose exports stand in the wrong order by their names, as a user may call them. */
import { flow } from '../../src/index.ts'

export const wordsOld = flow('words', async (run) =>
  run.loop('words', { state: '' }, async (turn, state) => {
    const word = await turn.signal<string>('word')
    return word === 'end' ? turn.done(state) : turn.next(state + word)
  }),
)

export const words = flow({
  name: 'words',
  version: '2',
  migrate: { '1': { words: (state: string) => ({ said: state }) } },
  run: async (run) =>
    run.loop('words', { state: { said: '' } }, async (turn, state) => {
      const word = await turn.signal<string>('word')
      return word === 'end' ? turn.done(state) : turn.next({ said: `${state.said}-${word}` })
    }),
})
