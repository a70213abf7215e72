import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from '../../../src/upstream/gate.ts';

/** Lets everything that can go on do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function work() {
  const begun: string[] = [];
  const ends = new Map<string, (isGood: boolean) => void>();
  const start = (name: string) => () =>
    new Promise<string>((resolve, reject) => {
      begun.push(name);
      ends.set(name, (isGood) => (isGood ? resolve(name) : reject(new Error(name))));
    });
  return { begun, start, end: (name: string, isGood = true) => ends.get(name)?.(isGood) };
}

test('so many are let in at a time, the rest in the order they came', async () => {
  const gate = new Gate(2);
  const { begun, start, end } = work();
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => gate.run(start(name)));
  await settle();
  assert.deepEqual(begun, ['a', 'b']);

  end('b');
  await settle();
  assert.deepEqual(begun, ['a', 'b', 'c']);
  end('a');
  end('c');
  await settle();

  assert.deepEqual(begun, ['a', 'b', 'c', 'd', 'e']);
  end('d');
  end('e');
  assert.deepEqual(await Promise.all(all), ['a', 'b', 'c', 'd', 'e']);
});

test('work that fails makes room, too, and its error is its own', async () => {
  const gate = new Gate(1);
  const { begun, start, end } = work();
  const failing = gate.run(start('a'));
  const waiting = gate.run(start('b'));
  await settle();

  end('a', false);

  await assert.rejects(failing, /a/);
  await settle();
  assert.deepEqual(begun, ['a', 'b']);
  end('b');
  assert.equal(await waiting, 'b');
});

test('a gate that has emptied lets in as many as at first', async () => {
  const gate = new Gate(2);
  await Promise.all(['a', 'b', 'c'].map((name) => gate.run(async () => name)));
  const { begun, start, end } = work();

  const all = ['d', 'e', 'f'].map((name) => gate.run(start(name)));

  await settle();
  assert.deepEqual(begun, ['d', 'e']);
  end('d');
  end('e');
  await settle();
  end('f');
  await Promise.all(all);
});
