/** The file of the store as a file: whether it is whole, and out of the way where it is not. LMDB trusts it blindly. */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const DATA = 'data.mdb';
const LOCK = 'lock.mdb';
/** Put there when the process crashed as it read the store, see `markSuspect`. */
const SUSPECT = 'suspect';
/** Has the number of the process that uses the folder. */
const OWNER = 'owner';
/** Throws where another process has the folder: two that prune each other's versions would lose both. */
export function claim(folder: string): void {
  const file = join(folder, OWNER);
  const owner = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (owner > 0 && owner !== process.pid && isService(owner)) {
    throw new Error(`process ${owner} uses it; give each service a folder of its own`);
  }
  writeFileSync(file, `${process.pid}\n`);
}

/** A number is used again by and by: what runs under it now must be a zonegate, too. */
function isService(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join('src', 'app', 'main'));
  } catch {
    return false;
  }
}

/** By the parent of a process that crashed before it was ready: LMDB trusts its file, and a damaged one may do that. */
export function markSuspect(folder: string): void {
  if (existsSync(join(folder, DATA))) writeFileSync(join(folder, SUSPECT), '');
}

/** LMDB reads its file as memory: one that is cut short would end the process. Undefined, or why it was set aside. */
export function checkFile(folder: string): string | undefined {
  const file = join(folder, DATA);
  const suspect = join(folder, SUSPECT);
  if (existsSync(suspect)) {
    rmSync(suspect);
    return setAside(folder, 'the process crashed as it was read');
  }
  if (!existsSync(file)) return undefined;
  const { size } = statSync(file);
  if (size === 0) return setAside(folder, 'its file is empty');
  const head = Buffer.alloc(2 * PAGE);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  const metas = [0, PAGE].map((at) => readMeta(head.subarray(at))).filter((meta) => meta !== undefined);
  const newest = metas.sort((a, b) => (a.transaction < b.transaction ? 1 : -1))[0];
  if (newest === undefined) return setAside(folder, 'its file does not begin as one of LMDB');
  const needed = (newest.lastPage + 1n) * BigInt(newest.pageSize);
  return BigInt(size) < needed ? setAside(folder, `its file has ${size} octets of ${needed}`) : undefined;
}

const PAGE = 4096;
const MAGIC = 0xbeef_c0de;
/** After the page header of 24 octets: magic, version, address, size of the map, two tables of 48, last page, transaction. */
const META = { magic: 24, pageSize: 48, lastPage: 144, transaction: 152 } as const;

function readMeta(page: Buffer): { lastPage: bigint; transaction: bigint; pageSize: number } | undefined {
  if (page.readUInt32LE(META.magic) !== MAGIC) return undefined;
  const pageSize = page.readUInt32LE(META.pageSize);
  return {
    pageSize: pageSize === 0 ? PAGE : pageSize,
    lastPage: page.readBigUInt64LE(META.lastPage),
    transaction: page.readBigUInt64LE(META.transaction),
  };
}

/** Renamed, for whoever wants to know what happened; says so. */
export function setAside(folder: string, why: string): string {
  const name = `${DATA}.damaged-${new Date().toISOString().replaceAll(':', '')}`;
  if (existsSync(join(folder, DATA))) renameSync(join(folder, DATA), join(folder, name));
  rmSync(join(folder, LOCK), { force: true });
  return `${why}; it is kept as ${join(folder, name)}`;
}
