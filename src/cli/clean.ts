/**
 * Text that came out of a run, made safe for a terminal. Models, users and files write what they
 * like into a ledger: escape sequences could retitle the window or hide lines, and bidirectional
 * controls could make one text look like another.
 */

/**
 * Escape sequences: strings up to their end (titles, links, device controls), CSI, and the short
 * ones. No part can run past the next introducer, so a text full of them takes linear time.
 */
const sequences =
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  /(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u0090\u0098\u009c-\u009f]*(?:\u0007|\u001b\\|\u009c)|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b[ -/]*[0-~]/g

/** C0 and C1 controls with DEL, bidirectional controls, line separators and lone surrogates. */
const unsafe =
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu

/** Keeps line breaks and tabs, and drops escape sequences and everything else that is not text. */
export const clean = (text: string): string =>
  text.replace(sequences, '').replaceAll('\r\n', '\n').replace(unsafe, '')

/** The same on one line, cut to a length. */
export function cleanLine(text: string, unitsMax = 200): string {
  const line = clean(text.slice(0, unitsMax * 4))
    .replace(/\s+/g, ' ')
    .trim()
  return line.length <= unitsMax ? line : `${line.slice(0, unitsMax - 1)}…`
}

/** JSON in printable ASCII: nothing in it reaches a terminal as a control. */
export const ascii = (json: string): string =>
  json.replace(
    /[^\x20-\x7e\n]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
