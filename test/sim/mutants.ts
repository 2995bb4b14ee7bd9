/**
 * Seeded bugs: what the simulator must find to be believed. Each replaces one place of the sources,
 * which must be there exactly once: when the code changes, its mutants move along.
 */
export interface Mutant {
  readonly name: string
  /** Path below src. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export const mutants: readonly Mutant[] = [
  {
    name: 'the store does not look at the fence',
    file: 'store/memory.ts',
    find: 'if (run?.row.session !== append.session || run.row.epoch !== append.epoch) {',
    replace: 'if (!run) {',
  },
  {
    name: 'the fence is the session alone',
    file: 'store/memory.ts',
    find: 'if (run?.row.session !== append.session || run.row.epoch !== append.epoch) {',
    replace: 'if (run?.row.session !== append.session) {',
  },
  {
    name: 'a release ignores messages it has not seen',
    file: 'store/projection.ts',
    find: "if (!unseen.some((kind) => reception(kind, status) === 'wake')) return release.wake",
    replace: 'if (unseen.length >= 0) return release.wake',
  },
  {
    name: 'a claim does not raise the epoch',
    file: 'store/memory-sessions.ts',
    find: 'row.epoch += 1',
    replace: 'row.epoch = Math.max(1, row.epoch)',
  },
  {
    name: 'runs are taken over before the lease has ended',
    file: 'store/memory-sessions.ts',
    find: 'if (expires > now) continue',
    replace: 'if (expires > now + 1500) continue',
  },
  {
    name: 'a message does not wake its run',
    file: 'store/memory-run.ts',
    find: "if (welcome === 'wake' && row.session === undefined) row.wake = Math.min(row.wake ?? now, now)",
    replace: '',
  },
  {
    name: 'a message of the same id is delivered twice',
    file: 'store/memory-run.ts',
    find: "if (id !== undefined && receipts.has(id)) return { is: 'duplicate' }",
    replace: '',
  },
  {
    name: 'a question takes two answers',
    file: 'store/memory-run.ts',
    find: "if (asked.state === 'answered') return { is: 'question-closed' }",
    replace: '',
  },
  {
    name: 'a wait expires without a look at new messages',
    file: 'run/waits.ts',
    find: 'unlessNewerThan: pass.mailbox.seen,',
    replace: '',
  },
  {
    name: 'an outcome is handed over before it is durable',
    file: 'run/journal.ts',
    find: 'const result = await this.#append(items, sealed)',
    replace:
      "void this.#append(items, sealed)\n      const result = { is: 'committed', newest: 0 } as const",
  },
  {
    name: 'an append whose reply was lost counts as that of another',
    file: 'run/journal.ts',
    find: 'if (!last || result.seq !== last.seq || result.hash !== last.hash) {',
    replace: 'if (result.seq >= 0) {',
  },
  {
    name: 'a message becomes an entry without being taken',
    file: 'run/inbox.ts',
    find: 'else pass.conclude(waiting, received, { value: fitting, ...from }, { taken })',
    replace: 'else pass.conclude(waiting, received, { value: fitting, ...from })',
  },
  {
    name: 'outcomes are handed over in the order in which they arrive',
    file: 'run/recorded.ts',
    find: 'this.#queue.push(delivery)',
    replace: 'this.#queue.splice(this.#taken, 0, delivery)',
  },
  {
    name: 'microtasks do not drain between two outcomes',
    file: 'run/pass.ts',
    find: 'else this.ports.afterMicrotasks(this.#onDrained)',
    replace: 'else queueMicrotask(this.#onDrained)',
  },
  {
    name: 'operations begin although the run is being cancelled',
    file: 'run/pass.ts',
    find: 'if (this.#cancel && !scope.shielded && live.shielded !== true) {',
    replace: 'if (this.#cancel && scope.closed) {',
  },
  {
    name: 'a loop is resumed from the wrong turn',
    file: 'run/loop-state.ts',
    find: '.slice(whole + 1)',
    replace: '.slice(whole + 2)',
  },
  {
    name: 'timers live in memory alone',
    file: 'run/pass.ts',
    find: 'this.#release(this.#nextDue())',
    replace: 'this.#release(undefined)',
  },
  {
    name: 'failed attempts are forgotten by a resume',
    file: 'run/step.ts',
    find: 'void this.#attempt(operation, begun.record.attempt + 1)',
    replace: 'void this.#attempt(operation, 1)',
  },
  {
    name: 'a cancel does not reach the children',
    file: 'run/cancel-message.ts',
    find: 'child === undefined ? [] : [cancelMessage(child, reason)]',
    replace: 'child === undefined || reason !== undefined ? [] : []',
  },
  {
    name: 'a claim whose reply was lost is not looked for',
    file: 'run/worker.ts',
    find: 'if (this.#isUnsure) await this.#adopt(session)',
    replace: '',
  },
  {
    name: 'a retry executes again what had succeeded',
    file: 'run/repeat.ts',
    find: 'if (!done) return undefined',
    replace: 'if (done || !done) return undefined',
  },
  {
    name: 'a cancel is forgotten when the code ends before it is told',
    file: 'run/ending.ts',
    find: 'const { cancelling: cancel } = pass.recorded',
    replace: 'const cancel = pass.cancelled && pass.recorded.cancelling',
  },
]
