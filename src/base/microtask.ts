/** `queueMicrotask` as it was when this was loaded: test runners that fake time fake it, too, and it takes none. */
export const microtask: typeof queueMicrotask = queueMicrotask
