import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type AdminServer, startAdmin } from '../../../src/admin/server.ts';
import { capturedLog, FakeSource, fakeZone } from './fake-source.ts';

const TOKEN = 'a-token-of-some-length';
const source = new FakeSource();
source.zoneList = [fakeZone('example.org')];
let server: AdminServer;
let closed: AdminServer;

before(async () => {
  const { log } = capturedLog();
  server = await startAdmin({ host: '127.0.0.1', port: 0, source, token: TOKEN, log });
  closed = await startAdmin({ host: '127.0.0.1', port: 0, source, log });
});
after(async () => {
  await server.close();
  await closed.close();
});
beforeEach(() => {
  source.commands.length = 0;
  source.outcome = { ok: true, text: 'done' };
});

async function post(path: string, body?: string, authorization = `Bearer ${TOKEN}`, to = server) {
  const response = await fetch(`http://127.0.0.1:${to.port}/api/v1/zones/${path}`, {
    method: 'POST',
    headers: { ...(authorization !== '' && { authorization }), ...(body && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body }),
  });
  return { status: response.status, ...((await response.json()) as { error?: string; text?: string }) };
}

test('commands reach the zone, with their serial', async () => {
  for (const command of ['refresh', 'retransfer', 'unpin', 'release', 'reject'] as const) {
    assert.deepEqual(await post(`Example.ORG./${command}`), { status: 200, ok: true, text: 'done' });
  }
  await post('example.org/pin', '{"serial":7}');
  await post('example.org/rollback', '{"serial":4294967295}');

  assert.deepEqual(source.commands.slice(-3), [
    ['example.org', 'reject', undefined],
    ['example.org', 'pin', 7],
    ['example.org', 'rollback', 4_294_967_295],
  ]);
});

test('without the token nothing changes', async () => {
  for (const [authorization, to, status, error] of [
    ['', server, 401, 'token-needed'],
    ['Basic YTpi', server, 401, 'token-needed'],
    ['Bearer wrong', server, 401, 'bad-token'],
    [`Bearer ${TOKEN}x`, server, 401, 'bad-token'],
    [`Bearer ${TOKEN}`, closed, 403, 'no-token'],
  ] as const) {
    const answer = await post('example.org/refresh', undefined, authorization, to);

    assert.deepEqual([answer.status, answer.error], [status, error]);
  }
  assert.deepEqual(source.commands, []);
});

test('what cannot be done says why', async () => {
  source.outcome = { ok: false, why: 'nothing-held', text: 'no version is held' };

  assert.deepEqual(await post('example.org/release'), {
    status: 409,
    error: 'nothing-held',
    message: 'no version is held',
  });
  assert.equal((await post('example.net/refresh')).error, 'unknown-zone');
});

test('a body that is not meant is refused', async () => {
  for (const [path, body] of [
    ['example.org/pin', '{}'],
    ['example.org/pin', '{"serial":-1}'],
    ['example.org/pin', '{"serial":4294967296}'],
    ['example.org/pin', '{"serial":"7"}'],
    ['example.org/pin', '{"serial":7,"other":1}'],
    ['example.org/pin', '[7]'],
    ['example.org/refresh', '{"serial":7}'],
    ['example.org/refresh', '{'],
  ] as const) {
    assert.equal((await post(path, body)).status, 400, `${path} ${body}`);
  }
  assert.deepEqual(source.commands, []);
});

test('a command is no page: GET is told what it takes', async () => {
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/zones/example.org/refresh`);

  assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST']);
});
