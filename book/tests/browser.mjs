// The book and its labs in headless Chromium, as a reader uses them. `cargo xtask test browser` starts what is needed and
// runs this; what the tests share is in harness.mjs.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { register as diskTests } from './disk.mjs';
import { book, chapters, Lab, labs, launch, live, onPage, shot } from './harness.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser.close(); });

const page = (name, use, options = {}) => test(name, () => onPage(browser, name, options, use));
const first = labs()[0];
const open = async (page, lab) => {
  await page.goto(`${book}/${lab.chapter}.html`);
  return new Lab(page, lab.number).ready();
};
const noSidewaysScroll = async (page) => {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `the page is ${wide} px wide in a window of ${window}`);
};

// ---- Every page ----

for (const chapter of chapters()) {
  page(`${chapter}: opens, its labs load, nothing is complained about`, async (page) => {
    await page.goto(`${book}/${chapter}.html`);
    await page.locator('h1').first().waitFor();
    for (const element of await page.locator('naru-lab').all()) {
      await element.scrollIntoViewIfNeeded();
      await element.getByTestId('run').waitFor();
    }
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: shot(chapter), fullPage: true });
  });
  page(`${chapter}: on a phone nothing scrolls sideways`, async (page) => {
    await page.goto(`${book}/${chapter}.html`);
    await page.locator('h1').first().waitFor();
    for (const element of await page.locator('naru-lab').all()) {
      await element.scrollIntoViewIfNeeded();
      await element.getByTestId('run').waitFor();
      await element.getByTestId('run').click();
      await element.getByTestId('event-row').first().waitFor();
    }
    await noSidewaysScroll(page);
    await page.screenshot({ path: shot(`${chapter}-phone`), fullPage: true });
  }, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
}

// ---- Every lab: start, wrong attempts with their hints, repaired to the solution ----

for (const it of labs()) {
  page(`lab ${it.number}: predicted and run as it stands, a goal is unmet and has a hint`, async (page) => {
    const lab = await open(page, it);
    await lab.predictAll();
    await lab.run();
    const goals = await lab.goals();
    assert.ok(goals.length > 0 && goals.some((goal) => goal.met === 'false'), JSON.stringify(goals));
    assert.notEqual(await lab.hints(), '');
    assert.ok(await lab.id('event-row').count() > 3);
    // Some questions are answered only by the repaired script.
    assert.ok(await lab.element.locator('[data-testid="predictions"] [data-right]').count() >= 1, 'no prediction was judged');
  });
  page(`lab ${it.number}: wrong attempts are told apart, then the solution meets every goal`, async (page) => {
    const lab = await open(page, it);
    for (const wrong of it.wrong) {
      await lab.write(wrong.script);
      await lab.run();
      if (wrong.fails) {
        assert.equal(await lab.goal(wrong.fails).getAttribute('data-met'), 'false', `${wrong.name} must not meet ${wrong.fails}`);
      } else {
        await lab.id('error').waitFor();
      }
      const told = `${await lab.hints()}\n${(await lab.id('error').allTextContents()).join('\n')}`;
      assert.ok(told.includes(wrong.shows), `${wrong.name} must show "${wrong.shows}", but:\n${told}`);
    }
    await lab.write(it.solution);
    await lab.run();
    for (const goal of await lab.goals()) assert.equal(goal.met, 'true', `${goal.id}:\n${await lab.hints()}`);
    await lab.element.screenshot({ path: shot(`lab-${it.number}-solved`) });
  });
  page(`lab ${it.number}: opens on a page of its own`, async (page) => {
    await page.goto(`${book}/naru/lab.html?lab=${it.number}`);
    const lab = await new Lab(page, it.number).ready();
    await lab.run();
    await noSidewaysScroll(page);
    await page.screenshot({ path: shot(`lab-${it.number}-page`) });
  });
}

// ---- The first lab, closely ----

page('play, steps and the scrubber go through the recording', async (page) => {
  const lab = await open(page, first);
  await lab.run();
  const settled = async () => { await lab.root.focus(); await page.keyboard.press('End'); };
  await settled();
  const end = await lab.place();
  await lab.id('step-back').click();
  await page.waitForFunction(([element, end]) => element.textContent !== end, [await lab.id('place').elementHandle(), end]);
  await lab.id('step-forward').click();
  await page.waitForFunction(([element, end]) => element.textContent === end, [await lab.id('place').elementHandle(), end]);
  assert.ok(await lab.id('cell').count() >= 1, 'there are records on the stage');
  await lab.id('scrubber').fill('0');
  await page.waitForFunction((lab) => lab.querySelectorAll('[data-testid="cell"]').length === 0, await lab.root.elementHandle());
  await lab.id('play').click();
  await lab.id('cell').first().waitFor();
});

page('the engine tab shows the line that emitted the event', async (page) => {
  const lab = await open(page, first);
  await lab.run();
  await lab.id('tab-engine').click();
  const site = await lab.id('site').first().textContent();
  assert.match(site, /(engine|labs)\/.+\.rs/);
});

page('a lab by keyboard alone: predict, run, edit, mend', async (page) => {
  await page.goto(`${book}/${first.chapter}.html`);
  const lab = await new Lab(page, first.number).ready();
  await page.evaluate(() => scrollTo(0, 0));
  // From the last link before the lab on, nothing but keys.
  const focused = () => page.evaluate(() => {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    return active?.dataset?.testid ?? '';
  });
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 150; presses++) {
      if (wanted.test(await focused())) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`no ${wanted} within 150 presses of Tab`);
  };
  await page.evaluate(() => document.querySelector('main').querySelector('naru-lab').previousElementSibling?.focus?.());
  await tabTo(/^(run|prediction-)/);
  await tabTo(/^prediction-/);
  await page.keyboard.press('Enter');
  await tabTo(/^editor$/);
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(first.solution);
  await page.keyboard.press('ControlOrMeta+Enter');
  await lab.element.locator('[data-testid="lab"][data-phase="done"]').waitFor();
  for (const goal of await lab.goals()) assert.equal(goal.met, 'true', goal.id);
  await page.keyboard.press('Escape');
  await page.keyboard.press('End');
  const end = await lab.place();
  const url = page.url();
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(([element, end]) => element.textContent !== end, [await lab.id('place').elementHandle(), end]);
  assert.equal(page.url(), url, 'the book must not turn its page on keys meant for the lab');
});

page('everything is also Korean', async (page) => {
  const lab = await open(page, first);
  await lab.run();
  const hangul = /[\uac00-\ud7a3]/;
  assert.doesNotMatch(await lab.id('run').textContent(), hangul);
  await lab.id('lang').click();
  await page.waitForFunction((lab) => lab.getAttribute('lang') === 'ko', await lab.root.elementHandle());
  // The sentences come from the Worker, a moment after the words that the page has itself.
  for (const name of ['run', 'sentence', 'event-row']) await lab.id(name).first().filter({ hasText: hangul }).waitFor();
  await lab.element.screenshot({ path: shot('lab-korean') });
});

page('a script that never ends is stopped with a message, and the page stays usable', async (page) => {
  const lab = await open(page, first);
  await lab.write('loop { }');
  await lab.id('run').click();
  const started = Date.now();
  await lab.id('error').waitFor();
  assert.ok(Date.now() - started < 15_000);
  assert.notEqual((await lab.id('error').textContent()).trim(), '');
  await lab.write(first.solution);
  await lab.run();
  for (const goal of await lab.goals()) assert.equal(goal.met, 'true', goal.id);
});

page('a million records are stopped with a message', async (page) => {
  const lab = await open(page, first);
  await lab.write('let b = broker(); b.create_topic("t", #{ partitions: 1 }); let p = producer();\n'
    + 'for i in 0..1000000 { p.send("t", "k", `v${i}`); } p.flush();');
  await lab.id('run').click();
  await lab.id('error').waitFor({ timeout: 30_000 });
});

// What a reader is promised. The best of a few tries is held against it: whatever else the machine does may slow one down.
const TRIES = 4;

page('ten thousand records are simulated in under a second, and the page never blocks for more than 100 ms', async (page) => {
  const lab = await open(page, first);
  await lab.run();
  await page.evaluate(() => {
    window.blocked = [];
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.blocked.push(Math.round(entry.duration))))
      .observe({ type: 'longtask' });
  });
  const tries = [];
  while (tries.length < TRIES && !tries.some((it) => it.took < 1_000 && it.blocked <= 100)) {
    await lab.write('let b = broker(); b.create_topic("t", #{ partitions: 3 }); let p = producer();\n'
      + `for i in 0..10000 { p.send("t", \`key-\${i % 7}\`, \`value \${i}\`); } p.flush(); // ${tries.length}`);
    await page.evaluate(() => { window.blocked.length = 0; });
    const started = Date.now();
    await lab.run();
    const took = Date.now() - started;
    tries.push({ took, blocked: await page.evaluate(() => Math.max(0, ...window.blocked)) });
  }
  console.log(`10,000 records, ms until shown and longest block: ${JSON.stringify(tries)}`);
  assert.ok(tries.some((it) => it.took < 1_000), 'until the records are shown');
  assert.ok(tries.some((it) => it.blocked <= 100), 'the longest block');
});

page('a lab paints in under a second when the server is warm, and loading it never blocks the page for more than 100 ms', async (page) => {
  await page.addInitScript(() => {
    window.blocked = [];
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.blocked.push(Math.round(entry.duration))))
      .observe({ type: 'longtask', buffered: true });
  });
  await page.goto(`${book}/${first.chapter}.html`);
  await new Lab(page, first.number).ready();
  const tries = [];
  while (tries.length < TRIES && !tries.some((it) => it.took < 1_000 && it.blocked <= 100)) {
    await page.reload();
    const started = await page.evaluate(() => performance.timeOrigin);
    await new Lab(page, first.number).ready();
    const took = Math.round(Date.now() - started);
    tries.push({ took, blocked: await page.evaluate(() => Math.max(0, ...window.blocked)) });
  }
  console.log(`lab painted after a reload, ms and longest block: ${JSON.stringify(tries)}`);
  assert.ok(tries.some((it) => it.took < 1_000), 'until the lab is painted');
  assert.ok(tries.some((it) => it.blocked <= 100), 'the longest block while it loads');
});

// ---- Without what a lab needs ----

page('on paper a lab is its still picture', async (page) => {
  const lab = await open(page, first);
  await page.emulateMedia({ media: 'print' });
  await lab.element.locator('.naru-fallback svg').waitFor();
  assert.equal(await lab.id('run').isVisible(), false);
  await page.goto(`${book}/print.html`);
  await page.locator('.naru-fallback svg').first().waitFor();
});

page('without WebAssembly a lab is its still picture and says why', async (page) => {
  await page.addInitScript(() => { delete globalThis.WebAssembly; });
  await page.goto(`${book}/${first.chapter}.html`);
  const element = page.locator('naru-lab').first();
  await element.locator('.naru-fallback svg').waitFor();
  await element.getByRole('status').waitFor();
  assert.match(await element.getByRole('status').textContent(), /WebAssembly/);
});

test('without scripts a lab is its still picture', () => onPage(browser, 'no scripts', { javaScriptEnabled: false }, async (page) => {
  await page.goto(`${book}/${first.chapter}.html`);
  await page.locator('.naru-fallback svg').first().waitFor();
}));

// ---- The rest of the page ----

page('a question answers every answer', async (page) => {
  await page.goto(`${book}/${first.chapter}.html`);
  const quiz = page.locator('.naru-quiz').first();
  await quiz.locator('summary').first().click();
  assert.match(await quiz.locator('details[open]').first().textContent(), /(Yes|No)\./);
});

page('a dark book has dark labs', async (page) => {
  await page.addInitScript(() => localStorage.setItem('mdbook-theme', 'navy'));
  const lab = await open(page, first);
  assert.equal(await lab.element.getAttribute('data-theme'), 'dark');
  await lab.run();
  await page.screenshot({ path: shot('dark'), fullPage: false });
});

// ---- The disk microscope ----

diskTests(page, open, noSidewaysScroll);

// ---- The live page ----

page('the live page shows what a real client does', async (page) => {
  await page.goto(live);
  await page.getByTestId('live').waitFor();
  const kcat = (args, input) => execFileSync('kcat', ['-b', process.env.KAFKA, ...args], { input, encoding: 'utf8' });
  kcat(['-P', '-t', 'seen-live', '-K:'], 'a:one\nb:two\na:three\n');
  await page.getByText('seen-live').first().waitFor();
  await page.getByTestId('cell').first().waitFor();
  assert.deepEqual(kcat(['-C', '-t', 'seen-live', '-e', '-q', '-f', '%s\n']).trim().split('\n').sort(), ['one', 'three', 'two']);
  await page.getByTestId('event-row').first().waitFor();
  await page.screenshot({ path: shot('live') });
});
