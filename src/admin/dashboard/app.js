/** The dashboard: asks the admin API every two seconds and changes only what is different. */

const REFRESH_MS = 2_000;
const TIMEOUT_MS = 5_000;
const PAGE = 100;

const view = { match: '', state: '', sort: 'zone', order: 'asc', limit: PAGE };
let answeredAt;
let asked = 0;
let timer;

async function refresh() {
  clearTimeout(timer);
  // Somebody who types asks again before the last answer is here: only the newest counts.
  const mine = ++asked;
  const query = new URLSearchParams({ limit: view.limit, sort: view.sort, order: view.order });
  if (view.match !== '') query.set('match', view.match);
  if (view.state !== '') query.set('state', view.state);
  try {
    const [status, zones, transfers] = await Promise.all([
      ask('api/v1/status'),
      ask(`api/v1/zones?${query}`),
      ask('api/v1/transfers'),
    ]);
    if (mine !== asked) return;
    answeredAt = new Date();
    showStatus(status, transfers.transfers);
    showZones(zones);
    showTransfers(transfers.transfers);
    showNotice('');
  } catch (error) {
    if (mine !== asked) return;
    showNotice(error.told ?? 'The service does not answer.');
  }
  // A page that nobody sees asks nothing.
  if (!document.hidden) timer = setTimeout(refresh, REFRESH_MS);
}

async function ask(path) {
  const response = await fetch(path, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { accept: 'application/json' },
  });
  const body = await response.json();
  if (response.ok) return body;
  throw Object.assign(new Error(body.message), { told: `The service answers: ${body.message}.` });
}

function showStatus(status, transfers) {
  const { zones, memory, threads } = status;
  const missing = zones.configured - zones.served;
  const [state, text] = status.draining
    ? ['warn', 'draining']
    : zones.expired > 0
      ? ['bad', `${zones.expired} expired`]
      : missing > 0
        ? ['warn', `${missing} not served yet`]
        : ['good', 'all zones served'];
  showState(state, text);
  const listen = status.listen.map(({ transport, address, port }) => {
    return `${transport} ${address.includes(':') ? `[${address}]` : address}:${port}`;
  });
  setText('#about', `${status.version}, up ${duration(status['uptime-s'])}, ${listen.join(', ')}`);
  setText('#tile-zones', `${count(zones.served)} / ${count(zones.configured)}`);
  setText('#tile-zones-more', `${count(zones.loading)} loading, ${count(zones.expired)} expired`);
  const rate = transfers.reduce((sum, { bytes, ms }) => sum + bytes / Math.max(1, ms), 0) * 1_000;
  setText('#tile-transfers', count(transfers.length));
  setText('#tile-transfers-more', transfers.length === 0 ? 'idle' : `${size(rate)}/s on average`);
  setText('#tile-data', size(memory['live-octets']));
  setText('#tile-data-more', `${memory.slabs} slabs, ${memory['slabs-free']} free`);
  setText('#tile-memory', size(memory.rss));
  setText('#tile-memory-more', `${threads.front} front, ${threads.pool} pool threads`);
}

function showState(state, text) {
  find('#state').dataset.state = state;
  setText('#state', text);
  const title = state === 'good' ? 'zonegate' : `${text} · zonegate`;
  if (document.title !== title) document.title = title;
}

function showNotice(text) {
  const notice = find('#notice');
  const isGone = text !== '';
  const since = answeredAt === undefined ? '' : ` What is shown is from ${answeredAt.toLocaleTimeString()}.`;
  setText(notice, isGone ? `${text}${since} Trying again every ${REFRESH_MS / 1_000} seconds.` : '');
  notice.hidden = !isGone;
  document.body.classList.toggle('stale', isGone);
  if (isGone) showState('bad', 'no answer');
  else setText('#updated', `Updated ${answeredAt.toLocaleTimeString()}`);
}

function showZones({ zones, total }) {
  const now = Date.now();
  showRows('#zones', zones, ({ zone }) => zone, [
    ({ zone }) => ({ text: zone, label: 'Zone', kind: 'name' }),
    (zone) => ({
      text: zone.refreshing ? `${zone.state}, refreshing` : zone.state,
      label: 'State',
      kind: 'state',
      state: { served: 'good', loading: 'warn', expired: 'bad' }[zone.state],
    }),
    ({ serial }) => ({ text: serial ?? '–', label: 'Serial', kind: 'number' }),
    ({ records }) => ({ text: records === null ? '–' : count(records), label: 'Records', kind: 'number' }),
    ({ bytes }) => ({ text: bytes === null ? '–' : size(bytes), label: 'Size', kind: 'number' }),
    (zone) => ({ ...moment(zone['last-contact'], now), label: 'Last contact' }),
    (zone) => ({ ...moment(zone['next-check'], now), label: 'Next check' }),
    (zone) => ({ text: zone['last-error'] ?? '', title: zone['last-error'] ?? '', label: 'Last error', kind: 'error' }),
  ]);
  setText('#zones-count', zones.length < total ? `${count(zones.length)} of ${count(total)}` : count(total));
  find('#no-zones').hidden = total > 0;
  find('#more').hidden = zones.length >= total;
}

function showTransfers(transfers) {
  const longestFirst = transfers.toSorted((a, b) => b.ms - a.ms);
  showRows('#transfers', longestFirst, ({ client, zone, serial }) => `${client} ${zone} ${serial}`, [
    ({ zone }) => ({ text: zone, label: 'Zone', kind: 'name' }),
    ({ client }) => ({ text: client, label: 'Client', kind: 'plain' }),
    ({ transport, type, identity }) => ({
      text: [type, transport === 'tls' ? 'XoT' : transport.toUpperCase(), identity].filter(Boolean).join(', '),
      label: 'Via',
      kind: 'plain',
    }),
    ({ serial }) => ({ text: serial, label: 'Serial', kind: 'number' }),
    ({ bytes, totalBytes, zone }) => ({
      text: `${size(bytes)} of ${size(totalBytes)}`,
      label: 'Progress',
      kind: 'progress',
      done: totalBytes === 0 ? 0 : Math.min(1, bytes / totalBytes),
      name: `Transfer of ${zone}`,
    }),
    ({ bytes, ms }) => ({ text: `${size((bytes / Math.max(1, ms)) * 1_000)}/s`, label: 'Rate', kind: 'number' }),
  ]);
  find('#transfers-panel').hidden = transfers.length === 0;
  find('#no-transfers').hidden = transfers.length > 0;
}

/** One row per item, kept by its key, so that a selection, a focus and the scroll position outlive a refresh. */
function showRows(table, items, keyOf, columns) {
  const body = find(`${table} tbody`);
  const old = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  let place = body.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const row = old.get(key) ?? newRow(key, columns);
    old.delete(key);
    columns.forEach((column, i) => {
      showCell(row.cells[i], column(item));
    });
    if (row === place) place = place.nextElementSibling;
    else body.insertBefore(row, place);
  }
  for (const row of old.values()) row.remove();
}

function newRow(key, columns) {
  const row = document.createElement('tr');
  row.dataset.key = key;
  columns.forEach((_, i) => {
    const cell = document.createElement(i === 0 ? 'th' : 'td');
    if (i === 0) cell.scope = 'row';
    cell.append(document.createElement('span'));
    row.append(cell);
  });
  return row;
}

function showCell(cell, { text, label, kind, title = '', state, done, name }) {
  if (cell.dataset.label !== label) {
    cell.dataset.label = label;
    cell.className = kind;
  }
  const span = cell.lastElementChild;
  setText(span, String(text));
  if (span.title !== title) span.title = title;
  if (state !== undefined) cell.dataset.state = state;
  if (done === undefined) return;
  let bar = cell.querySelector('progress');
  if (bar === null) {
    bar = document.createElement('progress');
    cell.prepend(bar);
  }
  bar.setAttribute('aria-label', name);
  bar.value = done;
}

const find = (selector) => document.querySelector(selector);

/** Leaves text alone that is the same: no repaint, and nothing to say for a screen reader. */
function setText(target, text) {
  const element = typeof target === 'string' ? find(target) : target;
  if (element.textContent !== text) element.textContent = text;
}

const count = (number) => number.toLocaleString('en');

function size(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1_000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const pair = (large, name, small, smallName) => {
    const rest = Math.floor((whole % large) / small);
    return `${Math.floor(whole / large)}${name}${rest === 0 ? '' : ` ${rest}${smallName}`}`;
  };
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return pair(60, 'm', 1, 's');
  return whole < 86_400 ? pair(3_600, 'h', 60, 'm') : pair(86_400, 'd', 3_600, 'h');
}

function moment(time, now) {
  if (time === null) return { text: '–', kind: 'plain' };
  const seconds = (Date.parse(time) - now) / 1_000;
  const text = seconds > 0 ? `in ${duration(seconds)}` : `${duration(-seconds)} ago`;
  return { text, title: new Date(time).toLocaleString(), kind: 'plain' };
}

function change(part) {
  Object.assign(view, { limit: PAGE, ...part });
  void refresh();
}

let typing;
find('#match').addEventListener('input', ({ target }) => {
  clearTimeout(typing);
  typing = setTimeout(() => change({ match: target.value.trim().replace(/\.$/, '') }), 150);
});
find('#only').addEventListener('change', ({ target }) => change({ state: target.value }));
find('#search').addEventListener('submit', (event) => event.preventDefault());
find('#more').addEventListener('click', () => change({ limit: Math.min(10_000, view.limit * 5) }));
document.addEventListener('visibilitychange', () => document.hidden || void refresh());

for (const heading of document.querySelectorAll('th[data-sort]')) {
  heading.addEventListener('click', () => {
    const { sort } = heading.dataset;
    change({ sort, order: view.sort === sort && view.order === 'asc' ? 'desc' : 'asc' });
    showSort();
  });
}

function showSort() {
  for (const heading of document.querySelectorAll('th[data-sort]')) {
    const isIt = heading.dataset.sort === view.sort;
    if (isIt) heading.setAttribute('aria-sort', view.order === 'asc' ? 'ascending' : 'descending');
    else heading.removeAttribute('aria-sort');
  }
}

showSort();
void refresh();
