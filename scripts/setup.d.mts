/** The path of HAProxy; undefined if it is not installed. */
export function findHaproxy(): string | undefined;
/** The path of nginx; undefined if it is not installed. */
export function findNginx(): string | undefined;
/** The path of a program on the PATH or in one of these folders; undefined if it is not there. */
export function find(command: string, furtherFolders?: readonly string[]): string | undefined;
