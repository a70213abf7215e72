import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AdminServer, adminRoutes, startAdmin } from '../../../src/admin/server.ts';
import { capturedLog, FakeSource, fakeLoadingZone, fakeSecondary, fakeTransfer, fakeZone } from './fake-source.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

interface OpenApi {
  readonly paths: Readonly<
    Record<string, { readonly get: { readonly parameters?: readonly { readonly in: string }[] } }>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const source = new FakeSource();
source.zoneList = [fakeZone('example.org'), fakeLoadingZone('example.net', 'no answer')];
source.transferList = [fakeTransfer()];
source.secondaryList = [
  fakeSecondary(),
  fakeSecondary({ address: null, notify: false, 'last-notify': null, 'last-transfer': null, behind: [] }),
];
let server: AdminServer;
let openapi: OpenApi;

before(async () => {
  server = await startAdmin({ host: '127.0.0.1', port: 0, source, log: capturedLog().log });
  openapi = (await read('/openapi.json')) as OpenApi;
});
after(() => server.close());

test('openapi.json describes every route that is not the page, and nothing else', () => {
  const page = ['/', '/app.js', '/app.css', '/theme.css', '/icon.svg'];
  const routes = [...new Set(adminRoutes(source).map(({ url }) => url.replace(/:([a-z]+)/g, '{$1}')))];

  const described = Object.keys(openapi.paths);

  assert.deepEqual(described.sort(), routes.filter((url) => !page.includes(url)).sort());
});

test('every $ref leads somewhere', () => {
  const refs = [...JSON.stringify(openapi).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref as string);

  assert.ok(refs.length > 10);
  for (const ref of refs) assert.notEqual(resolve(ref), undefined, ref);
});

test('answers have exactly the fields and types that their schema has', async () => {
  for (const [path, schema] of [
    ['/api/v1/status', 'Status'],
    ['/api/v1/zones', 'ZoneList'],
    ['/api/v1/zones/example.org', 'ZoneDetail'],
    ['/api/v1/zones/example.net', 'ZoneDetail'],
    ['/api/v1/transfers', 'TransferList'],
    ['/api/v1/secondaries', 'SecondaryList'],
    ['/api/v1/rules', 'RuleList'],
    ['/api/v1/exposure', 'ExposureList'],
    ['/api/v1/keys', 'KeyList'],
    ['/api/v1/bans', 'BanList'],
    ['/api/v1/catalogs/catalog.example', 'Catalog'],
    ['/api/v1/catalogs/example.org', 'Error'],
    ['/api/v1/zones/example.edu', 'Error'],
  ] as const) {
    const answer = await read(path);

    assert.deepEqual(mismatches(answer, { $ref: `#/components/schemas/${schema}` }, path), []);
  }
});

async function read(path: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return response.json();
}

const resolve = (ref: string): unknown =>
  ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], openapi);

function mismatches(value: unknown, schema: Schema, at: string): string[] {
  if (schema.$ref !== undefined) return mismatches(value, resolve(schema.$ref) as Schema, at);
  if (schema.enum !== undefined) return schema.enum.includes(value) ? [] : [`${at}: ${String(value)} is not listed`];
  const kind = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  const types = [schema.type ?? []].flat();
  if (!types.some((type) => type === kind || (type === 'integer' && Number.isInteger(value))))
    return [`${at}: ${kind}`];
  if (kind === 'array' && schema.items !== undefined) {
    const { items } = schema;
    return (value as unknown[]).flatMap((item, i) => mismatches(item, items, `${at}[${i}]`));
  }
  if (kind !== 'object') return [];
  const fields = value as Record<string, unknown>;
  const missing = (schema.required ?? []).filter((name) => !(name in fields)).map((name) => `${at}.${name}: missing`);
  if (schema.properties === undefined) return missing;
  const { properties } = schema;
  return [
    ...missing,
    ...Object.entries(fields).flatMap(([name, field]) => {
      const property = properties[name];
      return property === undefined ? [`${at}.${name}: not described`] : mismatches(field, property, `${at}.${name}`);
    }),
  ];
}
