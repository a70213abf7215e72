import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem, formatTable, wantsJson } from '../../../src/cli/output.ts';

test('columns are as wide as their widest cell, numbers to the right, nothing as a dash', () => {
  const rows = [
    { zone: 'example.org', serial: 7 },
    { zone: 'a.example', serial: 2026010100 },
    { zone: 'b.example', serial: undefined },
  ];

  const lines = formatTable(rows, [
    { title: 'ZONE', value: ({ zone }) => zone },
    { title: 'SERIAL', value: ({ serial }) => serial, align: 'right' },
  ]);

  assert.deepEqual(lines, [
    'ZONE             SERIAL',
    'example.org           7',
    'a.example    2026010100',
    'b.example             -',
  ]);
});

test('control characters do not reach the terminal', () => {
  const lines = formatTable([{ text: 'a\u001b[31mb\n' }], [{ title: 'T', value: ({ text }) => text }]);

  assert.equal(lines[1], 'a?[31mb?');
});

test('a problem has the form that editors jump to', () => {
  const problem = { file: 'conf.yaml', line: 3, column: 5, path: 'listen[0].port', message: 'expected a number' };

  assert.equal(formatProblem(problem), 'conf.yaml:3:5: listen[0].port: expected a number');
  assert.equal(formatProblem({ ...problem, path: '' }), 'conf.yaml:3:5: expected a number');
});

test('JSON is what is asked for', () => {
  assert.equal(wantsJson({ json: true }), true);
});
