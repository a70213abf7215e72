import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type AdminServer, startAdmin } from '../../src/admin/server.ts';
import { capturedLog, FakeSource, fakeLoadingZone, fakeTransfer, fakeZone } from '../unit/admin/fake-source.ts';

const CHROMIUM = '/usr/bin/chromium';
const WAIT_MS = 15_000;
/** In CI a missing browser is a failure: there, nobody would read that tests were skipped. */
const skip = existsSync(CHROMIUM) || process.env['CI'] === 'true' ? false : `no ${CHROMIUM}: apt-get install chromium`;

/** Nothing that looks for a network, a sandbox that a container does not give, or a display. */
const QUIET_CHROMIUM = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const { log } = capturedLog();
let browser: Browser;
let source: FakeSource;
let server: AdminServer;
let page: Page;
let complaints: string[];

before(async () => {
  if (skip !== false) return;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET_CHROMIUM });
});
after(() => browser?.close());

beforeEach(async () => {
  if (skip !== false) return;
  source = new FakeSource();
  source.zoneList = [
    fakeZone('example.org', { records: 7 }),
    fakeLoadingZone('example.net', 'primary 192.0.2.1: no answer <img src=x onerror=alert(1)>'),
    fakeZone('example.com', { records: 1_000_000, bytes: 65_000_000 }),
    fakeZone('a.test', { state: 'expired' }),
  ];
  source.transferList = [fakeTransfer()];
  server = await startAdmin({ host: '127.0.0.1', port: 0, source, log });
  page = await browser.newPage();
  page.setDefaultTimeout(WAIT_MS);
  complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`http://127.0.0.1:${server.port}/`);
  await page.locator('#zones tbody tr').first().waitFor();
});
afterEach(async () => {
  if (skip !== false) return;
  await page.close();
  await server.close();
});

test('the page shows the zones, the running transfer and the state of the service', { skip }, async () => {
  const header = await page.locator('#state').textContent();
  const row = await cells('#zones', 'example.com');
  const transfer = await cells('#transfers', 'example.org');

  assert.equal(header, '1 expired');
  assert.match(row, /served \| 2026112101 \| 1,000,000 \| 65\.0 MB \| 1m \d+s ago \| in (1h|\d+m( \d+s)?) \|/);
  assert.match(transfer, /^example\.org \| 198\.51\.100\.7#40112 \| AXFR, XoT, sec1-key \|.* \| 12\.5 kB\/s$/);
  assert.equal(await page.locator('#transfers progress').getAttribute('value'), '0.25');
  assert.deepEqual(complaints, []);
});

test('what a peer wrote stays text', { skip }, async () => {
  const error = await page.locator('#zones td.error', { hasText: '192.0.2.1' }).textContent();

  assert.equal(error, 'primary 192.0.2.1: no answer <img src=x onerror=alert(1)>');
  assert.equal(await page.locator('#zones img').count(), 0);
  assert.deepEqual(complaints, []);
});

test('the filter and the state narrow the zones, and say how many are left', { skip }, async () => {
  await page.locator('#match').fill('EXAMPLE.');
  await rows(3);
  await page.locator('#only').selectOption('loading');
  await rows(1);

  assert.deepEqual(await names(), ['example.net']);
  assert.equal(await page.locator('#zones-count').textContent(), '1');

  await page.locator('#match').fill('nothing like it');
  await page.locator('#no-zones').waitFor();
  assert.deepEqual(complaints, []);
});

test('a click or a key on a heading sorts, again the other way round', { skip }, async () => {
  const records = page.locator('th[data-sort=records] button');

  await records.click();
  await firstRow('example.org');
  await records.press('Enter');
  await firstRow('example.com');

  assert.equal(await page.locator('th[data-sort=records]').getAttribute('aria-sort'), 'descending');
  assert.deepEqual((await names()).at(-1), 'example.net');
});

test('changes show by themselves, in the rows that are there', { skip }, async () => {
  await page.evaluate("document.querySelector('#zones tbody tr').id = 'kept'");

  source.zoneList = source.zoneList.map((zone) => ({ ...zone, serial: 77, state: 'served' }));
  source.transferList = [];
  await page.locator('#no-transfers').waitFor();

  assert.equal(await page.locator('#kept td.number').first().textContent(), '77');
  assert.equal(await page.locator('#state').textContent(), 'all zones served');
});

test('many zones come in pages', { skip }, async () => {
  source.zoneList = Array.from({ length: 250 }, (_, i) => fakeZone(`z${String(i).padStart(3, '0')}.example`));
  await rows(100);
  assert.equal(await page.locator('#zones-count').textContent(), '100 of 250');

  await page.locator('#more').click();

  await rows(250);
  await page.locator('#more').waitFor({ state: 'hidden' });
});

test('the page says when the service is gone, keeps what it knew, and recovers', { skip }, async () => {
  assert.deepEqual(complaints, []);
  const { port } = server;
  await server.close();
  await page.locator('#notice').waitFor();

  const notice = await page.locator('#notice').textContent();
  assert.match(notice ?? '', /^The service does not answer\. What is shown is from /);
  assert.equal(await page.locator('#state').textContent(), 'no answer');
  assert.equal((await names()).length, 4);

  server = await startAdmin({ host: '127.0.0.1', port, source, log });
  await page.locator('#notice').waitFor({ state: 'hidden' });
  assert.equal(await page.locator('#state').textContent(), '1 expired');
});

test('a phone shows everything without scrolling sideways', { skip }, async () => {
  await page.setViewportSize({ width: 390, height: 844 });

  const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

  assert.equal(overflow, 0);
  assert.deepEqual(complaints, []);
});

const cells = async (table: string, text: string): Promise<string> => {
  const row = page.locator(`${table} tbody tr`, { hasText: text });
  return (await row.locator('th, td').allTextContents()).join(' | ');
};

const names = (): Promise<string[]> => page.locator('#zones tbody th').allTextContents();

/** By locators, as the page's own policy forbids the evaluation that `waitForFunction` needs. */
const rows = async (count: number): Promise<void> => {
  const all = page.locator('#zones tbody tr');
  await all.nth(count - 1).waitFor();
  await all.nth(count).waitFor({ state: 'detached' });
};

const firstRow = (zone: string): Promise<void> =>
  page.locator('#zones tbody tr:first-child th', { hasText: zone }).waitFor();
