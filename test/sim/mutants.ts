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
  /** The seed from which it is hunted, where none before catches it. */
  readonly from?: number
}

export const mutants: readonly Mutant[] = [
  {
    name: 'the version that a run moves to is handed the old state',
    file: 'run/operations/move.ts',
    find: 'const after = migrate(state as never)',
    replace: 'const after = migrate && state',
  },
  {
    name: 'a run moves past a loop beside that has begun',
    file: 'run/operations/move.ts',
    find: '!operations.hasBegun(scope.path)',
    replace: 'operations !== undefined',
  },
  {
    name: 'a run moves inside a loop that is taken over, too',
    file: 'run/operations/move.ts',
    find: '!moves.has(name)',
    replace: 'moves !== undefined',
  },
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
    name: 'a run that is to begin later begins when something is sent to it',
    file: 'run/work/early.ts',
    find: 'const isEarly = notBefore > clock.now()',
    replace: 'const isEarly = notBefore < 0 && notBefore > clock.now()',
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
    file: 'run/operations/waits.ts',
    find: 'unlessNewerThan: pass.mailbox.seen,',
    replace: '',
  },
  {
    name: 'an agent ends without a look at new messages',
    file: 'run/pass/loop-end.ts',
    find: 'unlessNewerThan: seen, ',
    replace: '',
  },
  {
    name: 'an outcome is handed over before it is durable',
    file: 'run/pass/journal.ts',
    find: '() => store.append(append),',
    replace: `async () => {
        store.append(append).catch(() => {})
        return { is: 'committed', newest: 0 } as const
      },`,
  },
  {
    name: 'an append whose reply was lost counts as that of another',
    file: 'run/pass/journal.ts',
    find: 'if (!last || result.seq !== last.seq || result.hash !== last.hash) {',
    replace: 'if (result.seq >= 0) {',
  },
  {
    name: 'a message becomes an entry without being taken',
    file: 'run/pass/inbox.ts',
    find: '{ value: fitting, ...from }, { taken, ...written })',
    replace: '{ value: fitting, ...from }, written)',
  },
  {
    name: 'outcomes are handed over in the order in which they arrive',
    file: 'run/replay/queue.ts',
    find: 'this.#list.push(delivery)',
    replace: 'this.#list.splice(this.#taken, 0, delivery)',
  },
  {
    name: 'microtasks do not drain between two outcomes',
    file: 'run/pass/pass.ts',
    find: 'this.options.turns.afterMicrotasks(this.#onDrained)',
    replace: 'queueMicrotask(this.#onDrained)',
  },
  {
    name: 'operations begin although the run is being cancelled',
    from: 800,
    file: 'run/pass/pass.ts',
    find: 'if (this.#cancel && !scope.shielded && live.shielded !== true) {',
    replace: 'if (this.#cancel && scope.closed) {',
  },
  {
    name: 'a loop is resumed from the wrong turn',
    file: 'run/operations/loop-state.ts',
    find: '.slice(whole + 1)',
    replace: '.slice(whole + 2)',
  },
  {
    name: 'blocks are read in another order',
    file: 'ledger/read-tags.ts',
    find: 'for (const item of items as readonly unknown[]) list.push(item)',
    replace: 'for (const item of items as readonly unknown[]) list.unshift(item)',
  },
  {
    name: 'what a turn brings is thought to be in a block',
    file: 'run/operations/state-blocks.ts',
    find: 'count: texts.length, artifact,',
    replace: 'count: texts.length + 1, artifact,',
  },
  {
    name: 'blocks are written beside their turn',
    file: 'run/operations/loop.ts',
    find: '        artifacts,\n        deliver,',
    replace: '        deliver,',
  },
  {
    name: 'timers live in memory alone',
    file: 'run/pass/pass.ts',
    find: 'this.#release(this.#due.next)',
    replace: 'this.#release(undefined)',
  },
  {
    name: 'failed attempts are forgotten by a resume',
    file: 'run/operations/step.ts',
    find: 'this.#attempt(operation, begun.record.attempt + 1)',
    replace: 'this.#attempt(operation, 1)',
  },
  {
    name: 'of the input of a step its names alone are recorded',
    file: 'run/operations/step.ts',
    find: 'digestOf(options.input) : undefined',
    replace: 'digestOf(Object.keys(options.input as object)) : undefined',
  },
  {
    name: 'a cancel does not reach the children',
    file: 'run/pass/cancel-message.ts',
    find: 'child === undefined ? [] : [cancelMessage(child, reason)]',
    replace: 'child === undefined || reason !== undefined ? [] : []',
  },
  {
    name: 'a claim whose reply was lost is not looked for',
    file: 'run/work/worker.ts',
    find: 'if (this.#isUnsure) await this.#putBackUnknown(token)',
    replace: '',
  },
  {
    name: 'what is on its last chance is executed beside what was claimed with it',
    from: 900,
    file: 'run/work/last-chance.ts',
    find: 'return isAlone ? undefined : claimed.find(isOnLastChance)',
    replace: 'return isAlone ? undefined : undefined',
  },
  {
    name: 'others are claimed beside what is on its last chance',
    from: 10_600,
    file: 'run/work/last-chance.ts',
    find: '(one) => one.isOnLastChance ||',
    replace: '(one) =>',
  },
  {
    name: 'a retry starts children anew that could go on',
    file: 'run/replay/earlier-child.ts',
    find: 'switch (row?.status) {',
    replace: "switch (row?.status === 'paused' ? row.status : undefined) {",
  },
  {
    name: 'a retry does again what a child had done without asking',
    file: 'run/operations/child.ts',
    find: 'recorded.mayBeginAnew || !(await leavesDone(store, run))',
    replace: 'recorded.mayBeginAnew || (await leavesDone(store, run)) || true',
  },
  {
    name: 'a retry begins a child anew before the one before it has ended',
    from: 10_100,
    file: 'run/replay/earlier-child.ts',
    find: 'const isEnding = cancelling',
    replace: "if (cancelling ?? undoing) return { is: 'gone' }\n      const isEnding = cancelling",
  },
  {
    name: 'a child that failed is not told that its parent is retried',
    file: 'run/operations/child.ts',
    find: "found.is === 'failed' ? [retryMessage",
    replace: "found.is === ('' as never) ? [retryMessage",
  },
  {
    name: 'a retry executes again what had succeeded',
    file: 'run/replay/repeat.ts',
    find: 'if (!done) return undefined',
    replace: 'if (done || !done) return undefined',
  },
  {
    name: 'a cancel is forgotten when the code ends before it is told',
    file: 'run/work/ending.ts',
    find: 'const { cancelling: cancel } = pass.recorded',
    replace: 'const cancel = pass.cancelled && pass.recorded.cancelling',
  },
  {
    name: 'a call that must not repeat is made before its intent is durable',
    file: 'run/effects/once-call.ts',
    find: `      this.#intent = line
      void this.#make(operation, line.record, pass.ports.monotonic() - asked)
    })`,
    replace: `      this.#intent = line
    })
    void this.#make(operation, intent.record, 0)`,
  },
  {
    name: 'a call that a crash cut short counts as not made',
    file: 'run/effects/once-call.ts',
    find: "this.#doubted(operation, { attempt, why: 'crashed' }).record(due)",
    replace: 'this.#intend(operation, attempt + 1)',
  },
  {
    name: 'the outcome of a call is looked for while its request may be on its way',
    file: 'run/effects/open-doubt.ts',
    find: 'if (left <= 0) void this.#findOut()',
    replace: 'if (left <= Infinity) void this.#findOut()',
  },
  {
    name: 'what reconcile cannot tell counts as not done',
    file: 'run/effects/open-doubt.ts',
    find: "return this.ask(finding.reason ?? '`reconcile` cannot tell.')",
    replace: "return this.#resolve({ is: 'notDone', source: { via: 'reconcile' } })",
  },
  {
    name: 'an answer about a call in doubt is used and not taken',
    file: 'run/effects/open-doubt.ts',
    find: 'reason: answer.reason, taken } as const',
    replace: 'reason: answer.reason, taken: [] } as const',
  },
  {
    name: 'a scope closes although a call in it is in doubt',
    file: 'run/pass/leaving.ts',
    find: 'if (this.#isHeld(scope)) this.#hold(departure)',
    replace: 'if (this.#held.size < 0) this.#hold(departure)',
  },
  {
    name: 'an approval is not bound to the definition that was asked about',
    file: 'run/approvals/approval.ts',
    find: 'if (begun.record.digest !== this.#request.binding(begun.record.args)) {',
    replace: "if (begun.record.digest === '') {",
  },
  {
    name: 'one person can vote twice',
    file: 'run/approvals/approval-answer.ts',
    find: 'if (votes.some((vote) => vote.by === by)) return',
    replace: 'if (votes.length < 0) return',
  },
  {
    name: 'guards are not asked again behind an approval',
    file: 'agent/calls/clearing.ts',
    find: "input = 'args' in outcome ? outcome.args : outcome.asked.args",
    replace: `input = 'args' in outcome ? outcome.args : outcome.asked.args
    if (run.id) return { ...cleared, input }`,
  },
  {
    name: 'guards that a deploy has added are asked about the past',
    file: 'agent/guards/ruling.ts',
    find: '!later.some((one) => isTakenUp(run, one))',
    replace: 'later.length >= 0',
  },
  {
    name: 'a budget does not see the calls that are under way',
    file: 'agent/budgets/spending.ts',
    find: 'over = overOf(at.underWay.onto(accounts), cost)',
    replace: 'over = overOf(accounts, cost)',
  },
  {
    name: 'calls ask about a limit that people are being asked about',
    file: 'agent/budgets/spending.ts',
    find: 'at.askers.before(told)',
    replace: 'undefined',
  },
  {
    name: 'what came from outside is forgotten with a worker',
    file: 'run/pass/taints.ts',
    find: 'taints.add(reader.state.taints)',
    replace: 'taints.add([])',
  },
  {
    name: 'a run below is not told of what came from outside',
    file: 'run/operations/child.ts',
    find: '...pass.options.taints.told(),',
    replace: '',
  },
  {
    name: 'a run above is not told of what came from outside',
    file: 'run/pass/inbox.ts',
    find: 'pass.options.taints.add(end.taints)',
    replace: 'pass.options.taints.add([])',
  },
  {
    name: 'what a run is told of by one below is never its own',
    file: 'run/pass/taints.ts',
    find: 'taint.run ?? this.#run',
    replace: 'taint.run',
  },
  {
    name: 'whoever watches a run again sees an entry twice',
    file: 'run/outside/stream.ts',
    find: 'return { seq: Number(seq), number',
    replace: 'return { seq: Math.max(0, Number(seq) - 1), number',
  },
  {
    name: 'whoever watches a run is told of its end before its last entries',
    file: 'run/outside/stream.ts',
    find: 'if (hasEnded(now, store.clock.now())) return',
    replace: 'if (hasEnded(await row(), store.clock.now())) return',
  },
  {
    name: 'calls are made beside each other without a limit',
    file: 'agent/calls/limiter.ts',
    find: 'if (!isBegun && this.#busy >= this.#max)',
    replace: 'if (!isBegun && this.#busy >= this.#max + 100)',
  },
  {
    name: 'a call that was in doubt is not charged',
    file: 'run/effects/once-call.ts',
    find: 'const charge = this.#call.charge?.(value)',
    replace: 'const charge = undefined',
  },
  {
    name: 'what guards refuse of what came in is told to the model',
    file: 'agent/loop/admission.ts',
    find: "if (ruling.is === 'allow' || ruling.is === 'ask') {",
    replace: "if (ruling.is !== ('none' as string)) {",
  },
  {
    name: 'calls of an answer that guards refuse are made',
    file: 'agent/loop/turn.ts',
    find: "if (ruling.is === 'deny' || ruling.is === 'retry') return end",
    replace: "if (ruling.is === 'deny' && run.id === '') return end",
  },
  {
    name: 'results that guards withhold are told to the model',
    file: 'agent/calls/call.ts',
    find: "if (ruling.is === 'deny' || ruling.is === 'retry') {",
    replace: "if (ruling.is === 'deny' && id === '') {",
  },
  {
    name: 'an output that guards refuse is the output',
    file: 'agent/loop/conclusion.ts',
    find: "if (ruling.is === 'deny' || ruling.is === 'retry') return ruling",
    replace:
      "if (ruling.is === 'deny' || ruling.is === 'retry') return { is: 'output', output: made.value }",
  },
  {
    name: 'what is said to an agent while it gives its last answer is lost',
    file: 'agent/loop/turn-end.ts',
    find: 'if (late.length > 0) return',
    replace: 'if (late.length < 0) return',
  },
  {
    name: 'a tool that stops the agent does not',
    file: 'agent/loop/turn-end.ts',
    find: 'if (isDone || state.turns >= turns) return true',
    replace: 'if ((isDone && turns < 0) || state.turns >= turns) return true',
  },
  {
    name: 'a queue has no limit',
    file: 'store/memory-sessions.ts',
    find: 'if (left <= 0 || (isSuspect',
    replace: 'if (left <= -9 || (isSuspect',
  },
  {
    name: 'the model is told of its calls in the order in which they ended',
    file: 'agent/loop/turn.ts',
    find: `const ends = await Promise.all(
      calls.map((part, i) => takeCall(at, run, states[i] ?? spoken, part)),
    )`,
    replace: `const ends = []
    const take = async (part, i) => void ends.push(await takeCall(at, run, states[i] ?? spoken, part))
    await Promise.all(calls.map(take))`,
  },
  {
    name: 'a call that was begun waits for a place',
    file: 'agent/calls/limiter.ts',
    find: 'if (!isBegun && this.#busy >= this.#max)',
    replace: 'if (this.#busy >= this.#max)',
  },
  {
    name: 'nobody wakes a request for approval for its escalation',
    file: 'run/operations/waits.ts',
    find: 'return escalates === undefined ? due : Math.min(due ?? Infinity, escalates)',
    replace: 'return due',
  },
  {
    name: 'a transaction whose reply was lost counts as failed',
    file: 'run/pass/journal.ts',
    find: "if (isMisuse(error)) return { is: 'thrown', error }",
    replace: "if (error) return { is: 'thrown', error }",
  },
  {
    name: 'a run is ended by hand although a call in it is in doubt',
    file: 'run/undo/undoing.ts',
    find: 'if (inDoubt.length === 0) return undefined',
    replace: 'if (inDoubt.length >= 0) return undefined',
  },
  {
    name: 'what was done first is undone first',
    file: 'ledger/undo.ts',
    find: '.toSorted((a, b) => b.order - a.order)',
    replace: '.toSorted((a, b) => a.order - b.order)',
  },
  {
    name: 'the next is undone before the last one is recorded as undone',
    file: 'run/undo/compensation.ts',
    find: 'await this.#write({ drafts: [draft], artifacts',
    replace: 'void this.#write({ drafts: [draft], artifacts',
  },
  {
    name: 'what may have happened is not undone',
    file: 'ledger/undo.ts',
    find: 'return effect.isOpen || effect.mayHave',
    replace: 'return effect.isOpen && effect.mayHave',
  },
  {
    name: 'whoever waits is told where a run rests that is held',
    file: 'run/outside/run-info.ts',
    find: "if (session !== undefined) return 'running'",
    replace: "if (session === '') return 'running'",
  },
  {
    name: 'whoever waits is not told that a deadline has passed',
    file: 'run/outside/reference.ts',
    find: "const code = error.code === 'DEADLINE' ? 'DEADLINE' : 'RUN_FAILED'",
    replace: "const code = 'RUN_FAILED'",
  },
  {
    name: 'nobody is told that a run of another process has come to rest',
    file: 'run/outside/changes.ts',
    find: 'const tellsRest = mayRest && !this.#options.isHeldHere(run)',
    replace: 'const tellsRest = mayRest && this.#options.isHeldHere(run)',
  },
  {
    name: 'models are asked in another order',
    file: 'agent/model/call.ts',
    find: 'for (const [index, one] of models.entries()) {',
    replace: 'for (const [index, one] of models.toReversed().entries()) {',
  },
  {
    name: 'a model that has failed for good is asked again',
    file: 'agent/model/call.ts',
    find: 'if (!last.again || number === most ||',
    replace: 'if (number === most ||',
  },
  {
    name: 'a model that wants to be left alone is waited for although there are others',
    file: 'agent/model/call.ts',
    find: 'index < models.length - 1 ? retry.maxDelayMs : Infinity',
    replace: 'index < models.length ? Infinity : retry.maxDelayMs',
  },
  {
    name: 'text of an attempt that has failed goes on with that of the next',
    file: 'agent/model/call.ts',
    find: 'if (last) request.onRestart?.(',
    replace: "if (last && name === '') request.onRestart?.(",
  },
  {
    name: 'what a model has said before it failed is not charged',
    file: 'agent/model/attempt.ts',
    find: 'if (!isCharged && collector.units > 0) charge({})',
    replace: 'if (!isCharged && collector.units < 0) charge({})',
  },
  {
    name: 'an answer that guards have to see is shown as it comes',
    file: 'agent/loop/reply.ts',
    find: "at.includes('answer') || at.includes('output')",
    replace: "at.includes('answer') && at.includes('output')",
  },
  {
    name: 'live text is shown with its secrets',
    file: 'run/pass/publisher.ts',
    find: 'this.#pending += this.#redaction.push(text)',
    replace: 'this.#pending += text',
  },
  {
    name: 'secrets are looked for in each piece of live text alone',
    file: 'run/pass/publisher.ts',
    find: 'this.#pending += this.#redaction.push(text)',
    replace: 'this.#pending += this.#publisher.redaction().push(text)',
  },
  {
    name: 'a run above is told secrets',
    file: 'run/pass/journal.ts',
    find: "payload: redacted(message.payload, redactor, 'record'),",
    replace: 'payload: message.payload,',
  },
  {
    name: 'text is shown before the entries that stand before it',
    from: 4500,
    file: 'run/outside/stream.ts',
    find: 'if (chunk.seq > seq) break',
    replace: 'if (chunk.seq < 0) break',
  },
  {
    name: 'whoever follows a conversation again is told of it from the beginning',
    file: 'agent/conversation/conversation-reading.ts',
    find: 'added = this.items.slice(before)',
    replace: 'added = this.items.slice(0)',
  },
  {
    name: 'whoever follows a conversation is not told that an answer began anew',
    file: 'agent/conversation/stream-conversation.ts',
    find: 'yield { type, cursor }',
    replace: "if (cursor === '') yield { type, cursor }",
  },
  {
    name: 'guards of a policy are not asked',
    file: 'agent/loop/agency.ts',
    find: '[...this.policies.flatMap(({ guards }) => guards), ...(agent.guards ?? [])]',
    replace: '[...(agent.guards ?? [])]',
  },
  {
    name: 'guards of a policy are asked behind those of the agent',
    file: 'agent/loop/agency.ts',
    find: '[...this.policies.flatMap(({ guards }) => guards), ...(agent.guards ?? [])]',
    replace: '[...(agent.guards ?? []), ...this.policies.flatMap(({ guards }) => guards)]',
  },
  {
    name: 'the limits of a policy do not count',
    file: 'agent/loop/agency.ts',
    find: 'stricter(agent.limits, this.policies)',
    replace: 'stricter(agent.limits, [])',
  },
  {
    name: 'runs below do not keep the limits of a policy',
    file: 'agent/loop/agency.ts',
    find: 'limitChildren(run, withRaised(this.limits, raised))',
    replace: 'limitChildren(run, withRaised(this.agent.limits, raised))',
  },
  {
    name: 'a policy that cannot tell for whom it is is for nobody',
    file: 'agent/policies/policy.ts',
    find: `    } catch {
      return true`,
    replace: `    } catch {
      return false`,
  },
  {
    name: 'a rule of a policy counts only where the tool has one as well',
    file: 'agent/policies/policy.ts',
    find: 'if (!needed) return { needed }',
    replace: 'if (!needed || !(await own).needed) return { needed: false }',
  },
  {
    name: 'of several rules about a call the first says how many must approve',
    from: 600,
    file: 'agent/policies/approval-policy.ts',
    find: 'Math.max(...needed.map(({ approvals = 1 }) => approvals))',
    replace: '(first.approvals ?? 1)',
  },
  {
    name: 'silence approves where one of several rules has it so',
    file: 'agent/policies/approval-policy.ts',
    find: "needed.every(({ otherwise }) => otherwise === 'approve')",
    replace: "needed.some(({ otherwise }) => otherwise === 'approve')",
  },
]
