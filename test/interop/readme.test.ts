/** The README's three tasks, run as they are printed, with BIND as the primary, and dig and BIND as the clients. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hasProgram, SEARCH_ENV } from '../support/dns-peer-process.ts';
import { repositoryRoot } from '../support/repository.ts';

const root = repositoryRoot();
const demo = join(root, '.zonegate', 'demo');

after(() => {
  // Where a task failed half-way, what it started is still there.
  for (const file of readdirSync(demo).filter((name) => name.endsWith('.pid'))) {
    try {
      process.kill(Number(readFileSync(join(demo, file), 'utf8')));
    } catch {
      // ended, as it should be
    }
  }
  rmSync(demo, { recursive: true, force: true });
});

test('the three tasks of the README do what it says, pasted one after the other', {
  timeout: 120_000,
}, async (context) => {
  if (!hasProgram(context, 'named') || !hasProgram(context, 'dig')) return;
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const tasks = text.slice(text.indexOf('## Three tasks'), text.indexOf('## What works'));
  const blocks = Array.from(tasks.matchAll(/```sh\n([\s\S]*?)```/g), (match) => match[1] as string);
  rmSync(demo, { recursive: true, force: true });

  const outputs = await paste(blocks);

  const [, hide, follow, xot, secondary, refuse, rule] = outputs as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  assert.match(hide, /ok \(1 listener, 1 zone, 1 rule\)/);
  assert.equal(hide.match(/\tSOA\t|IN\s+SOA/g)?.length, 2, 'a whole AXFR');
  assert.match(follow, /from=2024010101 to=2024010102/);
  assert.match(xot, /localhost \(name verified\)[\s\S]*sec1-key \(hmac-sha256\): 1 signed, 0 unsigned/);
  assert.match(secondary, /2024010102[\s\S]*transport=tls .*identity=sec1-key rule=signed-over-xot/);
  assert.match(
    refuse,
    /status: REFUSED[\s\S]*EDE: 18[\s\S]*refuse, by no rule[\s\S]*allow, by rule signed-over-xot[\s\S]*why=no-rule/,
  );
  assert.match(rule, /ok \(2 listeners, 1 zone, 2 rules\)[\s\S]*2024010102/);
});

/** Runs the blocks in one shell, as a person would; what each printed. */
function paste(blocks: readonly string[]): Promise<string[]> {
  const mark = '=== next block ===';
  const shell = spawn('bash', ['-c', blocks.join(`\necho '${mark}'\n`)], {
    cwd: root,
    env: SEARCH_ENV,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (data: Buffer): void => {
    output += data.toString();
  };
  shell.stdout.on('data', collect);
  shell.stderr.on('data', collect);
  return new Promise((resolve, reject) => {
    shell.on('close', (code) => {
      if (code === 0) resolve(output.split(`${mark}\n`));
      else reject(new Error(`the shell ended with status ${code}:\n${output}`));
    });
  });
}
