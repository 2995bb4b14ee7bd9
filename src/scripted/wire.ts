/** An HTTP answer in the making: what goes over the wire, piece by piece, and what happens between. */

/** Bytes in one write, a pause, an end without an end, or a connection that breaks. */
export type Piece =
  | { readonly is: 'bytes'; readonly bytes: Uint8Array }
  | { readonly is: 'pause'; readonly ms: number }
  | { readonly is: 'hang' }
  | { readonly is: 'reset' }

export interface Wire {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly pieces: readonly Piece[]
}

/** An event of a stream; without a name where the format has none. */
export interface WireEvent {
  readonly name?: string
  readonly data: unknown
}

const encoder = new TextEncoder()

export const bytesPiece = (text: string | Uint8Array): Piece => ({
  is: 'bytes',
  bytes: typeof text === 'string' ? encoder.encode(text) : text,
})

export function jsonWire(body: unknown, status = 200): Wire {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    pieces: [bytesPiece(JSON.stringify(body))],
  }
}

/** Each event in a write of its own. Texts are sent as they are. */
export function eventWire(events: readonly WireEvent[]): Wire {
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
    pieces: events.map(({ name, data }) =>
      bytesPiece(
        `${name === undefined ? '' : `event: ${name}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`,
      ),
    ),
  }
}
