/**
 * Where an approval stands: what the ledger holds of it, and the answers that are on their way, judged
 * in the order in which the run will take them. So people can go on deciding while no worker runs.
 */
import { checkLinks, decode, type LinkedEntry, operationPath } from '../../ledger/index.ts'
import type { Payloads, Vote } from '../../ledger/index.ts'
import type { Message, QuestionRow, Store } from '../../store/store.ts'
import { judge } from './approval-answer.ts'
import { withEscalation } from './escalation.ts'
import { recordOf } from '../pass/inbox.ts'

/** A run's entries, and the answers that none of them has taken. */
export interface Reading {
  readonly entries: readonly LinkedEntry[]
  readonly answers: readonly Message[]
  /** No message that is newer has been looked at. */
  readonly newest: number
}

/** Reads both of one moment. */
export async function readAnswers(store: Store, run: string): Promise<Reading> {
  const newest = (await store.run(run))?.newest ?? 0
  const pending = async (): Promise<readonly Message[]> =>
    (await store.messages(run, [])).filter(({ kind }) => kind === 'answer')
  for (let answers = await pending(); ;) {
    const entries = await store.openEntries(run)
    const after = await pending()
    const isSame = answers.every(({ number }) => after.some((one) => one.number === number))
    if (isSame) {
      checkLinks(entries)
      return { entries, answers, newest }
    }
    answers = after
  }
}

/** What has been said about it. */
export interface Standing {
  readonly votes: readonly Vote[]
  readonly changed: Payloads['approval.changed']
  readonly refused: string | undefined
  /** An answer that decides it is on its way. */
  readonly isDecided: boolean
}

/** Where this approval stands after what was read. */
export function standingOf({ id, wait, state }: QuestionRow, reading: Reading): Standing {
  const path = operationPath(wait.scope, wait.key)
  let votes: readonly Vote[] = []
  let changed: Payloads['approval.changed'] = {}
  let refused: string | undefined
  for (const { seq, scope, kind, key, payload } of reading.entries) {
    if (seq <= wait.seq || operationPath(scope, key) !== path) continue
    if (kind === 'approval.voted') votes = [...votes, decode(payload ?? '{}') as Vote]
    if (kind === 'approval.refused') {
      refused = (decode(payload ?? '{}') as Payloads['approval.refused']).reason
    }
    if (kind === 'approval.changed') {
      changed = behind(changed, decode(payload ?? '{}') as Payloads['approval.changed'])
    }
  }
  const request = wait.record as Payloads['approval.requested']
  for (const message of reading.answers) {
    if (message.name !== id) continue
    const { value, by } = recordOf<'answer'>(message)
    const judgement = judge(request, votes, { value, by }, message.time)
    switch (judgement.is) {
      case 'refused':
        refused = judgement.reason
        break
      case 'changed':
        changed = behind(
          changed,
          withEscalation(request, judgement.record, {
            isEscalated: changed.escalated === true,
            time: message.time,
          }),
        )
        break
      case 'voted':
        votes = [...votes, judgement.vote]
        break
      case 'decided':
        return { votes: judgement.record.votes, changed, refused, isDecided: true }
    }
  }
  return { votes, changed, refused, isDecided: state === 'answered' }
}

/** What holds behind a change. Who gets it by escalation is shown it: another one has put it off. */
function behind(
  { snoozed, ...before }: Payloads['approval.changed'],
  record: Payloads['approval.changed'],
): Payloads['approval.changed'] {
  const isPutOff = snoozed !== undefined && record.escalated !== true
  return { ...before, ...(isPutOff ? { snoozed } : {}), ...record }
}
