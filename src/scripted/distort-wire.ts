/** Gets wrong how an answer travels. What is said is distorted before, see spoken.ts. */
import type { Flavour } from './flavour.ts'
import type { Malformation } from './malformations.ts'
import { bytesPiece, eventWire, jsonWire, type Piece, type Wire, type WireEvent } from './wire.ts'

/** How long a slow answer pauses between two pieces. */
const dripMs = 10

/** Larger than any buffer on the way. */
const hugeUnits = 3 * 1024 * 1024

const reset: Piece = { is: 'reset' }

/** Distorts the events of a stream before they are written. */
export function distortEvents(
  events: readonly WireEvent[],
  malformed: Malformation | undefined,
  flavour: Flavour,
): WireEvent[] {
  const middle = Math.floor(events.length / 2)
  switch (malformed) {
    case 'events-out-of-order':
      // The finish comes before what it finishes.
      return [...events.slice(0, 1), ...events.slice(-3), ...events.slice(1, -3)]
    case 'unknown-event':
      return [...events.slice(0, middle), flavour.unknownEvent, ...events.slice(middle)]
    case 'double-finish':
      // All that comes after the content, twice.
      return [...events, ...events.slice(-3)]
    case 'cut-before-finish':
      return events.slice(0, middle)
    default:
      return [...events]
  }
}

/** Distorts what is written. */
export function distortWire(
  wire: Wire,
  malformed: Malformation | undefined,
  flavour: Flavour,
): Wire {
  const bytes = Buffer.concat(
    wire.pieces.flatMap((piece) => (piece.is === 'bytes' ? [piece.bytes] : [])),
  )
  const isStream = wire.headers['content-type'] === 'text/event-stream'
  const only = (...pieces: Piece[]): Wire => ({ ...wire, pieces })
  switch (malformed) {
    case 'cut-before-first-chunk':
      return only()
    case 'cut-before-finish':
      // Events have been cut already; a body that is one JSON is cut shortly before its end.
      return isStream ? wire : only(bytesPiece(bytes.subarray(0, -20)))
    case 'cut-mid-json':
      return only(bytesPiece(bytes.subarray(0, Math.floor(bytes.length / 2))))
    case 'cut-mid-utf8': {
      const at = bytes.findIndex((byte) => byte >= 0xc0)
      return only(bytesPiece(bytes.subarray(0, at < 0 ? 10 : at + 1)))
    }
    case 'utf8-split':
      // Every byte for itself.
      return only(...Array.from(bytes, (byte) => bytesPiece(Uint8Array.of(byte))))
    case 'input-split':
      return only(
        ...(bytes.toString('latin1').match(/[^]{1,7}/g) ?? []).map((part) =>
          bytesPiece(Buffer.from(part, 'latin1')),
        ),
      )
    case 'huge-line':
      return isStream
        ? { ...wire, pieces: [bytesPiece(`: ${'x'.repeat(hugeUnits)}\n\n`), ...wire.pieces] }
        : only(bytesPiece(' '.repeat(hugeUnits)), ...wire.pieces)
    case 'empty-body':
      return only()
    case 'html':
      return {
        status: 200,
        headers: { 'content-type': 'text/html' },
        pieces: [bytesPiece('<!doctype html><title>Sign in</title><p>Sign in to the network.</p>')],
      }
    case 'error-in-200': {
      const body = flavour.error('The engine is overloaded, try again later.', 503)
      return isStream ? eventWire([{ name: 'error', data: body }]) : jsonWire(body)
    }
    case 'redirect':
      return { status: 302, headers: { location: '/elsewhere' }, pieces: [] }
    case 'slow-drip':
      return only(
        ...wire.pieces
          .flatMap((piece): Piece[] => [piece, { is: 'pause', ms: dripMs }])
          .slice(0, 4),
        { is: 'hang' },
      )
    case 'connection-reset':
      return only(bytesPiece(bytes.subarray(0, Math.floor(bytes.length / 2))), reset)
    case 'wrong-content-type':
      return { ...wire, headers: { 'content-type': 'application/octet-stream' } }
    case 'bom':
      return only(bytesPiece('\uFEFF'), ...wire.pieces)
    default:
      return wire
  }
}
