/** What the worker that loses its lease and its test share. */
export const lease = '1s'
