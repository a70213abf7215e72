/** What tells the content of one version from that of another, wherever they lie. */
import { createHash } from 'node:crypto';
import type { SlabDirectory } from '../zone/slab.ts';
import { type VersionHandle, VersionReader } from '../zone/version.ts';

/** Over its SOA and the hashes of its pages: the same records that came to be packed otherwise have another. */
export function hashOfContent({ root, soaRecord }: VersionHandle, directory: SlabDirectory): string {
  const reader = new VersionReader(root, directory);
  const hash = createHash('sha256').update(Buffer.from(soaRecord));
  for (let page = 0; page < reader.pageCount; page++) hash.update(Buffer.from(reader.pageEntry(page).hash));
  return hash.digest('hex');
}
