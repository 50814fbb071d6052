// What the browser tests share: the browser, a page that remembers every complaint, a lab on a page, the labs' folders.
// The tests themselves are in browser.mjs.
import { readFileSync, readdirSync, mkdirSync, existsSync } from 'node:fs';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRequire } from 'node:module';

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT_CORE);

export const book = process.env.BOOK;
export const live = process.env.LIVE;
export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const shots = process.env.SHOTS;
mkdirSync(shots, { recursive: true });

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

/// A page of its own, closed at the end, that must not complain: not on the console, not by an exception, not by a request
/// that fails.
export async function onPage(browser, name, options, use) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 900 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('requestfailed', (request) => {
    // A page that is left cancels what it is still loading.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.push(`request: ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  try {
    await use(page);
  } catch (error) {
    await page.screenshot({ path: shot(`failed-${name}`) }).catch(() => {});
    throw new Error(`${error.message}${complaints.length ? `\npage said:\n  ${complaints.join('\n  ')}` : ''}`, { cause: error });
  } finally {
    await context.close();
  }
  if (complaints.length) throw new Error(`the page complained:\n  ${complaints.join('\n  ')}`);
}

/// Where a screenshot goes.
export const shot = (name) => join(shots, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.png`);

/// A lab on a page. Locators look through the shadow root by themselves.
export class Lab {
  constructor(page, number, nth = 0) {
    this.page = page;
    this.element = page.locator(`naru-lab[lab="${number}"]`).nth(nth);
    this.root = this.element.getByTestId('lab');
  }
  id(name) { return this.element.getByTestId(name); }
  async ready() {
    await this.element.scrollIntoViewIfNeeded();
    await this.id('run').waitFor();
    return this;
  }
  async predictAll() {
    for (const question of await this.element.locator('[data-testid="predictions"] [role="group"]').all()) {
      await question.locator('button').first().click();
    }
  }
  async write(script) { await this.id('editor').fill(script); }
  /// Runs and waits for the end of the run.
  async run() {
    const before = await this.root.getAttribute('data-hash');
    await this.id('run').click();
    await this.page.waitForFunction(([lab, before]) => {
      const phase = lab.getAttribute('data-phase');
      return phase === 'done' && (before === null || lab.getAttribute('data-hash') !== null);
    }, [await this.root.elementHandle(), before]);
    // The same phase stands between two runs: wait until the page is not running any more.
    await this.element.locator('[data-testid="run"][aria-busy="false"]').waitFor();
  }
  goal(id) { return this.id(`goal-${id}`); }
  async goals() {
    const goals = await this.element.locator('[data-testid^="goal-"][data-met]').all();
    return Promise.all(goals.map(async (goal) => ({
      id: (await goal.getAttribute('data-testid')).slice('goal-'.length),
      met: await goal.getAttribute('data-met'),
    })));
  }
  async hints() { return (await this.id('hint').allTextContents()).join('\n'); }
  async place() { return this.id('place').textContent(); }
}

/// The labs as their folders tell: number, scripts, and what each wrong attempt must show.
export function labs() {
  const folders = readdirSync(join(root, 'labs')).filter((name) => /^\d\d-/.test(name)).sort();
  return folders.map((name) => {
    const dir = join(root, 'labs', name);
    const read = (file) => readFileSync(join(dir, file), 'utf8');
    const toml = read('lab.toml');
    return {
      number: name.slice(0, 2),
      disk: /^disk\s*=\s*true/m.test(toml),
      chapter: /^chapter\s*=\s*"(.*)"/m.exec(toml)?.[1],
      start: read('start.rhai'),
      solution: read('solution.rhai'),
      wrong: existsSync(join(dir, 'wrong'))
        ? toml.split(/^\[\[wrong\]\]/m).slice(1).map((part) => {
          const value = (key) => new RegExp(`^${key}\\s*=\\s*"(.*)"`, 'm').exec(part)?.[1];
          return { name: value('name'), fails: value('fails'), shows: value('shows'), script: read(`wrong/${value('name')}.rhai`) };
        })
        : [],
    };
  });
}

/// The chapters, in the order of the book's table of contents.
export function chapters() {
  const summary = readFileSync(join(root, 'book/src/SUMMARY.md'), 'utf8');
  return [...summary.matchAll(/\]\((.+?)\.md\)/g)].map((match) => match[1]);
}
