/** What runs the Lua scripts of the registry on a simulated Redis. */

import type { Commands, Reply } from './commands.ts';

/** A script, ready to run. @throws ReplyError */
export type Script = (argv: readonly string[], commands: Commands) => Reply;

/** @param name what the script is called in errors */
export type ScriptEngine = (lua: string, name: string) => Script;
