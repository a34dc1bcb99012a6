/** The project folder; images and functions are built from it. */

import { dirname } from 'node:path';

export const ROOT = dirname(import.meta.dirname);
