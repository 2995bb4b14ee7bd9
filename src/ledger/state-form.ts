/** How a turn keeps the state: whole, or as edits to the one before. */

/** Told by how the payload begins, so that none is decoded for it; undefined for what is no turn's. */
export function stateForm(payload: string | null): 'base' | 'delta' | undefined {
  if (payload?.startsWith('{"base":')) return 'base'
  return payload?.startsWith('{"delta":') ? 'delta' : undefined
}
