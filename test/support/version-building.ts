/** Versions from zone files or records, by the service's own way in: what the guards are tested on. */
import assert from 'node:assert/strict';
import type { GuardedVersion } from '../../src/guard/guarded-version.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { assembleVersion } from '../../src/xfr/assemble.ts';
import { ingestBatch } from '../../src/xfr/ingest.ts';
import { FileStream } from '../../src/zone/file-stream.ts';
import { parseMasterFile } from '../../src/zone/master-file.ts';
import { newSlabIds, SlabDirectory, SlabWriter } from '../../src/zone/slab.ts';
import { type VersionHandle, VersionReader } from '../../src/zone/version.ts';
import type { RawRecord } from './raw-messages.ts';

export interface BuiltVersion extends GuardedVersion {
  readonly handle: VersionHandle;
  readonly records: number;
}

/** Versions of one builder share slabs, and frames where the one is made along the other. */
export class VersionBuilder {
  readonly #directory = new SlabDirectory();
  readonly #slabs = new SlabWriter(this.#directory);
  readonly #frameSize: number;
  #id = 0;

  constructor(frameSize = 16_000) {
    this.#frameSize = frameSize;
    this.#slabs.begin(newSlabIds(), []);
  }

  /** `text`: a zone file; records outside of the zone are left out. `base`: along whose frames it is made. */
  fromText(zone: string, text: string, base?: BuiltVersion): BuiltVersion {
    return this.fromRecords(zone, recordsOf(zone, text), base);
  }

  fromRecords(zone: string, records: readonly RawRecord[], base?: BuiltVersion): BuiltVersion {
    const apex = apexOf(zone);
    const frameSize = this.#frameSize;
    const stream = new FileStream(apex);
    for (const { owner, type, ttl, rdata } of records) stream.add(owner, type, ttl, rdata);
    const messages = stream.finish();
    assert.ok(messages !== undefined, 'there is no SOA record');
    const options = { apex, frameSize, outOfZone: 'ignore', id: 0, query: 'AXFR', isFirst: true, now: 0 } as const;
    const all = { ...options, tsig: undefined };
    const result = ingestBatch(messages, 0, messages.length, all, this.#slabs, base?.reader);
    assert.ok(result.ok, result.ok ? '' : result.failure.text);
    const { firstSoa: soa, run } = result.batch;
    assert.ok(soa !== undefined);
    const parts = { id: ++this.#id, apex, frameSize, soa, runs: run === undefined ? [] : [run] };
    const handle = assembleVersion(parts, this.#slabs, this.#directory, base?.handle).version;
    const reader = new VersionReader(handle.root, this.#directory);
    return { handle, records: handle.records, reader, apex, soaRecord: handle.soaRecord };
  }
}

export const versionFromText = (zone: string, text: string): BuiltVersion => new VersionBuilder().fromText(zone, text);

export function recordsOf(zone: string, text: string): RawRecord[] {
  const records: RawRecord[] = [];
  const failures = parseMasterFile({
    file: 'zone',
    text: Buffer.from(text, 'latin1'),
    origin: apexOf(zone),
    readInclude: (path) => `${path} is not to be read`,
    onRecord: (owner, type, ttl, rdata) =>
      records.push({ owner: Buffer.from(owner), type, ttl, rdata: Buffer.from(rdata) }),
  });
  assert.deepEqual(failures, []);
  return records;
}

export function apexOf(zone: string): Buffer {
  const apex = nameFromText(zone.endsWith('.') ? zone : `${zone}.`);
  assert.ok(apex.ok);
  return Buffer.from(apex.value);
}
