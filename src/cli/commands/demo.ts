/** `everloop demo`: everloop at work, in front of the user. */
import type { Command } from 'commander'
import { addDemoAgent } from './demo-agent.ts'
import { addDemoCrash } from './demo-crash.ts'

export function addDemo(program: Command): void {
  const demo = program
    .command('demo')
    .description('see everloop at work, without a key or a network')
  addDemoAgent(demo)
  addDemoCrash(demo)
}
