/**
 * Executes one case in a process of its own, so that no case inherits the heap or the compiled code
 * of another, and prints its figures as one line of JSON. Usage: run-case.ts NAME ROUNDS
 */
import { cases } from './cases.ts'

const [name, rounds] = process.argv.slice(2)
const wanted = cases.find((each) => each.name === name)
if (!wanted) throw new Error(`There is no case "${name}".`)
const figures = await wanted.run({ rounds: Number(rounds) })
process.stdout.write(`${JSON.stringify(figures)}\n`)
process.exit(0)
