/** The path of HAProxy; undefined if it is not installed. */
export function findHaproxy(): string | undefined;
