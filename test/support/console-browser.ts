/** A real browser that looks at the console, and what must never happen in it. */

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { CHROMIUM } from './players/hls-players.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Screenshots are kept here, to be looked at. */
const SHOTS = join(import.meta.dirname, '..', '..', '.cache', 'console');

export { CHROMIUM } from './players/hls-players.ts';

/** One rule of accessibility that a page breaks, and where. */
export interface Violation {
  readonly id: string;
  readonly where: readonly string[];
}

/** A tab, and all that it has done wrong. */
export interface Tab {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Violations of the policy, errors of scripts, and requests to other hosts. */
  readonly faults: readonly string[];
  /** What axe finds. */
  violations(): Promise<Violation[]>;
  /** Whether something is wider than the window. */
  isTooWide(): Promise<boolean>;
  /** Keeps a picture of the whole page. */
  shot(name: string): Promise<void>;
}

export interface TabOptions {
  readonly width?: number;
  readonly dark?: boolean;
  readonly reducedMotion?: boolean;
}

export class ConsoleBrowser {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<ConsoleBrowser> {
    return new ConsoleBrowser(
      await chromium.launch({
        ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
        args: ['--no-sandbox'],
      }),
    );
  }

  close(): Promise<void> {
    return this.#browser.close();
  }

  /** @param origin the only address that the pages may ask */
  async tab(origin: string, { width = 1024, dark = false, reducedMotion = false }: TabOptions = {}): Promise<Tab> {
    const context = await this.#browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
      locale: 'en-GB',
    });
    const faults: string[] = [];
    await context.exposeBinding('noteViolation', (_, text: string) => void faults.push(text));
    await context.addInitScript(`document.addEventListener('securitypolicyviolation', (event) => {
      noteViolation('policy: ' + event.effectiveDirective + ' ' + event.blockedURI + ' ' + event.sourceFile);
    })`);
    const page = await context.newPage();
    page.on('pageerror', (error) => void faults.push(`error: ${error.message}`));
    page.on('dialog', (dialog) => {
      faults.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) faults.push(`request: ${url}`);
    });
    return {
      page,
      context,
      faults,
      violations: () => violationsIn(context, page),
      isTooWide: () =>
        page.evaluate<boolean>('document.documentElement.scrollWidth > document.documentElement.clientWidth'),
      shot: async (name) => {
        mkdirSync(SHOTS, { recursive: true });
        await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
      },
    };
  }
}

/** By the protocol of the debugger: the policy of the page refuses a script from elsewhere. */
async function violationsIn(context: BrowserContext, page: Page): Promise<Violation[]> {
  const session = await context.newCDPSession(page);
  try {
    await session.send('Runtime.evaluate', { expression: AXE });
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression: `axe.run().then(({ violations }) =>
        violations.map(({ id, nodes }) => ({ id, where: nodes.map(({ html }) => html.slice(0, 200)) })))`,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`axe: ${JSON.stringify(exceptionDetails)}`);
    return result.value as Violation[];
  } finally {
    await session.detach();
  }
}
