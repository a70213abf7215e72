/** A zone file as the source of a version: parsed here, then taken in like a transfer. */
import type { Bytes } from '../base/bytes.ts';
import { FileStream } from '../zone/file-stream.ts';
import { parseMasterFile } from '../zone/master-file.ts';
import type { SlabWriter } from '../zone/slab.ts';
import type { VersionReader } from '../zone/version.ts';
import { type BatchResult, ingestBatch } from './ingest.ts';

export interface ZoneFileOptions {
  /** Wire form, lower case. */
  readonly apex: Bytes;
  readonly frameSize: number;
  readonly outOfZone: 'reject' | 'ignore';
}

/** Errors told in one sentence at most. */
const MOST_ERRORS = 5;

/** `read` gives the file's octets, or a sentence why not. */
export function ingestZoneFile(
  file: string,
  options: ZoneFileOptions,
  read: (path: string, from: string) => { readonly file: string; readonly text: Bytes } | string,
  slabs: SlabWriter,
  base?: VersionReader,
): BatchResult {
  const source = read(file, file);
  if (typeof source === 'string') return { ok: false, failure: { code: 'UNREADABLE', text: source } };
  const stream = new FileStream(options.apex);
  const failures = parseMasterFile({
    file,
    text: source.text,
    origin: options.apex,
    readInclude: read,
    onRecord: (owner, type, ttl, rdata) => stream.add(owner, type, ttl, rdata),
  });
  if (failures.length > 0) {
    const told = failures.slice(0, MOST_ERRORS).map((failure) => `${failure.file}:${failure.line}: ${failure.message}`);
    const more = failures.length > told.length ? `; and ${failures.length - told.length} more` : '';
    return { ok: false, failure: { code: 'ZONE_FILE', text: told.join('; ') + more } };
  }
  if (stream.hasTooLarge) {
    return { ok: false, failure: { code: 'RECORD_TOO_LARGE', text: `${file}: a record fits no message` } };
  }
  const messages = stream.finish();
  if (messages === undefined) {
    return { ok: false, failure: { code: 'NO_FIRST_SOA', text: `${file}: the zone has no SOA record` } };
  }
  const batch = { ...options, id: 0, query: 'AXFR' as const, isFirst: true, tsig: undefined, now: 0 };
  return ingestBatch(messages, 0, messages.length, batch, slabs, base);
}
