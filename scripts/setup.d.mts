/** Where HAProxy is; undefined where it is not installed. */
export function findHaproxy(): string | undefined;
