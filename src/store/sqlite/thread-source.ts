/** The code of the writer thread, by its URL. In the package it is a text that goes along into bundles: rolldown.config.ts. */
export const threadSource: URL = new URL('./writer-thread.ts', import.meta.url)
