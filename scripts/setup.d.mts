/** The path of HAProxy; undefined if it is not installed. */
export function findHaproxy(): string | undefined;
/** The path of nginx; undefined if it is not installed. */
export function findNginx(): string | undefined;
