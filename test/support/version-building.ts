/** Versions from the text of zone files, by the service's own way in: what the guards are tested on. */
import assert from 'node:assert/strict';
import type { GuardedVersion } from '../../src/guard/guarded-version.ts';
import { nameFromText } from '../../src/wire/name.ts';
import { assembleVersion } from '../../src/xfr/assemble.ts';
import { ingestZoneFile } from '../../src/xfr/zone-file.ts';
import { newSlabIds, SlabDirectory, SlabWriter } from '../../src/zone/slab.ts';
import { type VersionHandle, VersionReader } from '../../src/zone/version.ts';

export interface BuiltVersion extends GuardedVersion {
  readonly handle: VersionHandle;
}

/** Versions of one builder share a directory, and a frame size. */
export class VersionBuilder {
  readonly directory = new SlabDirectory();
  readonly #slabs = new SlabWriter(this.directory);
  readonly #frameSize: number;
  #id = 0;

  constructor(frameSize = 16_000) {
    this.#frameSize = frameSize;
    this.#slabs.begin(newSlabIds(), []);
  }

  /** `text`: a zone file; records outside of the zone are left out. */
  fromText(zone: string, text: string): BuiltVersion {
    const apex = apexOf(zone);
    const frameSize = this.#frameSize;
    const read = (file: string) => ({ file, text: Buffer.from(text, 'latin1') });
    const result = ingestZoneFile('zone', { apex, frameSize, outOfZone: 'ignore' }, read, this.#slabs);
    assert.ok(result.ok, result.ok ? '' : result.failure.text);
    const { firstSoa: soa, run } = result.batch;
    assert.ok(soa !== undefined);
    const parts = { id: ++this.#id, apex, frameSize, soa, runs: run === undefined ? [] : [run] };
    const handle = assembleVersion(parts, this.#slabs, this.directory).version;
    const reader = new VersionReader(handle.root, this.directory);
    return { handle, reader, apex, soaRecord: handle.soaRecord };
  }
}

export const versionFromText = (zone: string, text: string): BuiltVersion => new VersionBuilder().fromText(zone, text);

export function apexOf(zone: string): Uint8Array<ArrayBuffer> {
  const apex = nameFromText(zone.endsWith('.') ? zone : `${zone}.`);
  assert.ok(apex.ok);
  return apex.value;
}
