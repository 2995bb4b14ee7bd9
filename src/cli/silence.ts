/** With --json, stdout belongs to the result: what flows print goes to stderr instead. */
export function silenceFlows(): void {
  const { error } = console
  for (const method of ['log', 'info', 'debug', 'table', 'dir'] as const) {
    console[method] = (...args: unknown[]) => error.apply(console, args)
  }
}
