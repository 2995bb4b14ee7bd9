/** For the command `bench`, a millisecond goes by whenever it looks at the clock. */
let now = 0
const real = performance.now.bind(performance)
performance.now = () => (new Error().stack?.includes('commands/bench.ts') ? ++now : real())
