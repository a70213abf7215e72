/** Who may import whom (HOUSE-STYLE section 3), and which folder may import which package (DESIGN.md section 8). */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from './support/repository.ts';

const CORE = ['base', 'wire', 'tsig', 'zone', 'xfr', 'policy', 'guard', 'sig0', 'catalog'];
const SHELLS = ['config', 'telemetry', 'net', 'pool', 'store', 'remote'];

/** For each folder of `src`, the other folders that it may import. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(CORE.map((folder, i) => [folder, CORE.slice(0, i)])),
  guard: ['base', 'wire', 'zone'],
  catalog: ['base', 'wire', 'zone'],
  // Keys and signatures are those of DNSSEC.
  sig0: ['base', 'wire', 'zone', 'guard'],
  // Digests of a version that is told under another serial.
  xfr: ['base', 'wire', 'tsig', 'zone', 'guard'],
  // One concern each; what is said of the outside in events and metrics is shared.
  config: CORE,
  telemetry: [...CORE, 'config', 'front', 'admin'],
  net: [...CORE, 'config', 'telemetry'],
  pool: [...CORE, 'telemetry'],
  remote: [...CORE, 'telemetry'],
  store: CORE,
  upstream: [...CORE, ...SHELLS],
  front: [...CORE, ...SHELLS],
  notify: [...CORE, ...SHELLS],
  admin: [...CORE, ...SHELLS, 'front', 'upstream'],
  app: [...CORE, ...SHELLS, 'front', 'notify', 'upstream', 'admin'],
  cli: [...CORE, ...SHELLS, 'front', 'notify', 'upstream', 'admin', 'app'],
};

/** Folders whose imports of the two sides and of admin are types only: no code crosses. */
const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = {
  telemetry: ['front', 'admin'],
  admin: ['front', 'upstream'],
};

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  piscina: ['pool'],
  'node-forge': ['net'],
  undici: ['remote'],
  'lru-cache': ['front', 'store'],
  lmdb: ['store'],
  pino: ['telemetry'],
  'prom-client': ['telemetry'],
  yaml: ['config'],
  zod: ['config'],
  'ipaddr.js': ['policy'],
  fastify: ['admin'],
  commander: ['cli'],
};

/** Node's modules that do input, output or time: not for the core. */
const IMPURE = /^node:(fs|net|tls|dgram|http|https|child_process|worker_threads|timers|process|os)/;

/** What each thread's entry may import of `src`. */
const WORKERS: Readonly<Record<string, readonly string[]>> = {
  'ingest.ts': [...CORE, 'pool'],
  'front.ts': [...CORE, 'front', 'net', 'telemetry'],
  'store.ts': [...CORE, 'store'],
};

interface Import {
  readonly file: string;
  readonly from: string;
  readonly isType: boolean;
}

const root = repositoryRoot();

function importsOf(folder: string): Import[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const path = join(folder, file);
      const text = readFileSync(join(root, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
      const statements = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm);
      const dynamic = text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g);
      return [
        ...Array.from(statements, (match) => ({
          file: path,
          from: match[2] as string,
          isType: match[1] !== undefined,
        })),
        ...Array.from(dynamic, (match) => ({ file: path, from: match[1] as string, isType: false })),
      ];
    });
}

/** The folder below `src` that a relative import leads to; undefined for packages and within one folder. */
function target({ file, from }: Import): string | undefined {
  if (!from.startsWith('.')) return undefined;
  const path = relative(join(root, 'src'), resolve(root, dirname(file), from));
  return path.startsWith('..') ? undefined : path.split('/')[0];
}

const folderOf = (file: string): string => file.split('/')[1] as string;

test('each folder imports only from the folders below it', () => {
  const wrong = importsOf('src').filter((entry) => {
    const to = target(entry);
    const folder = folderOf(entry.file);
    return to !== undefined && to !== folder && !(ALLOWED[folder] ?? []).includes(to);
  });

  assert.deepEqual(
    wrong.map(({ file, from }) => `${file} -> ${from}`),
    [],
  );
});

test('what is allowed for its types alone is imported as types', () => {
  const wrong = importsOf('src').filter((entry) => {
    const to = target(entry);
    return to !== undefined && TYPES_ONLY[folderOf(entry.file)]?.includes(to) && !entry.isType;
  });

  assert.deepEqual(
    wrong.map(({ file, from }) => `${file} -> ${from}`),
    [],
  );
});

test('the core does no input or output and knows no time of its own', () => {
  const wrong = importsOf('src').filter(({ file, from }) => CORE.includes(folderOf(file)) && IMPURE.test(from));
  const clocks = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => CORE.includes(file.split('/')[0] as string) && file.endsWith('.ts') && file !== 'base/clock.ts')
    .filter((file) =>
      /\b(Date\.now|performance\.now|setTimeout|setInterval)\(/.test(readFileSync(join(root, 'src', file), 'utf8')),
    );

  assert.deepEqual(
    wrong.map(({ file, from }) => `${file} -> ${from}`),
    [],
  );
  assert.deepEqual(clocks, []);
});

test('each package is imported by one folder', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };
  const wrong = importsOf('src').filter(({ file, from }) => {
    const name = Object.keys(dependencies).find(
      (dependency) => from === dependency || from.startsWith(`${dependency}/`),
    );
    return name !== undefined && !(PACKAGES[name] ?? []).includes(folderOf(file));
  });

  assert.deepEqual(
    wrong.map(({ file, from }) => `${file} -> ${from}`),
    [],
  );
});

test('thread entry points import what their thread may do', () => {
  const wrong = importsOf('workers').filter((entry) => {
    const to = target(entry);
    return to !== undefined && !(WORKERS[entry.file.split('/')[1] as string] ?? []).includes(to);
  });

  assert.deepEqual(
    wrong.map(({ file, from }) => `${file} -> ${from}`),
    [],
  );
});

test('the reader of imports sees types, exports, lines that are broken, and dynamic ones', () => {
  const seen = importsOf('src')
    .filter(({ file }) => file === 'src/zone/version.ts')
    .map(({ from }) => from);

  assert.ok(seen.includes('./frame-list.ts') && seen.includes('./slab.ts') && seen.includes('../base/bytes.ts'));
});
