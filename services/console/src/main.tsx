/** Starts the console in its page. */

import { render } from 'preact';
import { App } from './app.tsx';
import { followVisibility } from './live/live.ts';
import { followHistory } from './shell/address.ts';
import { applyTheme } from './shell/theme.ts';
import { followTokenInAddress } from './shell/token.ts';
import { LANGUAGE } from './words/words.ts';

followTokenInAddress();
applyTheme();
followHistory();
followVisibility();
document.documentElement.lang = LANGUAGE;

const root = document.getElementById('console');
if (root !== null) render(<App />, root);
