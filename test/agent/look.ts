import { tool } from 'everloop'

/** The tool of agents that need one, whatever it does. */
export const look = tool({
  name: 'look',
  description: 'Looks.',
  inputSchema: { type: 'object' },
  effect: 'read',
  run: () => 'Nothing.',
})
