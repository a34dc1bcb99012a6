/** The folder of the project, from which images and functions are built. */

import { dirname } from 'node:path';

export const ROOT = dirname(import.meta.dirname);
