/** The second half of two hundred ends by SIGKILL: in two files, as each has one core. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killChain } from '../support/kill-chain.ts';

test('nothing that was served is lost to a hundred ends by SIGKILL, at any moment', async () => {
  const chains = await Promise.all([killChain(3), killChain(3)]);

  for (const { kills, checks } of chains) assert.ok(checks > kills / 2, `${checks} checks after ${kills} ends`);
});
