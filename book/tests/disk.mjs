// The disk microscope, in labs that show their broker's disk and on the live page. browser.mjs registers these tests.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { labs, live, shot } from './harness.mjs';

const first = labs().find((lab) => lab.disk);

/// Runs the lab to its end and opens the microscope by its key.
async function atTheEnd(page, lab) {
  await lab.run();
  await lab.root.focus();
  await page.keyboard.press('End');
  const total = (await lab.place()).split(' ').at(-1);
  await lab.id('place').filter({ hasText: new RegExp(`${total}\\D+${total}$`) }).waitFor();
  await page.keyboard.press('d');
  await lab.id('disk-tree').waitFor();
}

/// Six orders, each a batch of its own; nothing is damaged.
const orders = 'let b = broker();\nb.create_topic("orders");\nlet p = producer("shop");\n'
  + 'for n in 1..=6 { p.send("orders", `order-${n}`); p.flush(); }';

/// Chooses a segment's file in the tree, and waits for its bytes.
async function chooseLog(scope) {
  await scope.locator('[data-testid="disk-node"][data-path^="orders-0/"][data-path$=".log"]').first().click();
  await byte(scope, 0).waitFor();
}

const byte = (scope, position) => scope.getByTestId('byte-grid').locator(`.hex [data-at="${position}"]`);
const said = (scope, words) => scope.getByTestId('byte-said').filter({ hasText: words }).waitFor();

export function register(page, open, noSidewaysScroll) {
  page('the microscope lists files, and arrows name fields', async (page) => {
    const lab = await open(page, first);
    await atTheEnd(page, lab);
    const paths = await lab.id('disk-node').evaluateAll((nodes) => nodes.map((node) => node.dataset.path));
    assert.ok(paths.some((path) => /-0\/0{20}\.log$/.test(path)), paths.join('\n'));
    assert.ok(paths.some((path) => path.endsWith('.index')) && paths.includes('meta.properties'), paths.join('\n'));
    await chooseLog(lab.element);
    await lab.id('segment').first().waitFor();
    // From here on, nothing but keys.
    await lab.id('byte-grid').focus();
    await page.keyboard.press('Control+Home');
    await said(lab.element, 'baseOffset');
    const place = await lab.place();
    await page.keyboard.press(']');
    await said(lab.element, 'batchLength');
    for (let presses = 0; presses < 4; presses++) await page.keyboard.press('ArrowRight');
    await said(lab.element, 'partitionLeaderEpoch');
    await page.keyboard.press('[');
    await said(lab.element, 'batchLength');
    await page.keyboard.press('Control+End');
    await said(lab.element, 'headersCount');
    assert.equal(await lab.place(), place, 'keys for bytes must not step through the run');
    await lab.id('disk').screenshot({ path: shot('disk') });
  });

  page('a byte that is damaged by hand is seen, and recovery cuts the log there', async (page) => {
    const lab = await open(page, first);
    await lab.write(orders);
    await atTheEnd(page, lab);
    await chooseLog(lab.element);
    await lab.id('byte-grid').focus();
    await page.keyboard.press('Control+End');
    await said(lab.element, 'headersCount');
    const last = Number(await lab.id('byte-grid').getAttribute('data-cursor'));
    await page.keyboard.press('Enter');
    await page.keyboard.insertText('7f');
    await page.keyboard.press('Enter');
    await lab.id('injected').waitFor();
    await byte(lab.element, last).filter({ hasText: '7f' }).waitFor();
    await lab.id('disk-fields').locator('em').first().waitFor();
    await lab.id('disk').screenshot({ path: shot('disk-damaged') });
    await lab.id('inject-crash').click();
    await lab.id('injected').nth(1).waitFor();
    await lab.id('inject-start').click();
    await lab.id('injected').nth(2).waitFor();
    await lab.element.locator('[data-testid="run"][aria-busy="false"]').waitFor();
    await lab.root.focus();
    await page.keyboard.press('End');
    // The damaged batch is gone: the file ends before it.
    await page.waitForFunction(([lab, last]) => {
      const grid = lab.querySelector('[data-testid="byte-grid"]');
      return grid.querySelector('[data-at]') && !grid.querySelector(`[data-at="${last}"]`);
    }, [await lab.root.elementHandle(), last]);
    // Taking the damage out takes out what came of it.
    await lab.id('injected').first().getByRole('button').click();
    await lab.id('injected').first().waitFor({ state: 'hidden' });
  });

  page('a record on the stage leads to its bytes', async (page) => {
    const lab = await open(page, first);
    await lab.write(orders);
    await atTheEnd(page, lab);
    await lab.id('cell').nth(1).click();
    await lab.id('see-bytes').click();
    await said(lab.element, /record|length/);
    assert.notEqual(await lab.id('byte-grid').getAttribute('data-cursor'), '0');
  });

  page('the microscope is Korean, too', async (page) => {
    const lab = await open(page, first);
    await atTheEnd(page, lab);
    await chooseLog(lab.element);
    await lab.id('lang').click();
    await said(lab.element, '바이트');
    await lab.id('disk').screenshot({ path: shot('disk-korean') });
  });

  page('the microscope fits a phone', async (page) => {
    const lab = await open(page, first);
    await atTheEnd(page, lab);
    await chooseLog(lab.element);
    await noSidewaysScroll(page);
    const right = await lab.id('byte-grid').evaluate((grid) => [grid.scrollWidth, grid.clientWidth]);
    assert.ok(right[0] <= right[1], `the bytes are ${right[0]} px wide where ${right[1]} are`);
    await lab.id('disk').screenshot({ path: shot('disk-phone') });
  }, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });

  page('the live page shows its data directory and the bytes in it', async (page) => {
    execFileSync('kcat', ['-b', process.env.KAFKA, '-P', '-t', 'seen-on-disk', '-K:'], { input: 'a:one\nb:two\n' });
    await page.goto(live);
    await page.getByTestId('live-disk').click();
    const log = page.locator('[data-testid="disk-node"][data-path^="seen-on-disk-"][data-path$=".log"]').first();
    await log.click();
    const live_page = page.getByTestId('live');
    await byte(live_page, 0).waitFor();
    await live_page.getByTestId('byte-grid').focus();
    await said(live_page, 'baseOffset');
    await page.screenshot({ path: shot('disk-live') });
  });
}
