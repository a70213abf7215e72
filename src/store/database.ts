/** The LMDB environment: the only importer of lmdb. */
import { mkdirSync } from 'node:fs';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Manifest } from './manifest.ts';
import type { StoreSetup } from './messages.ts';
import { checkFile, claim, setAside } from './store-file.ts';
import type { ZoneRecord } from './version-store.ts';

export interface StoreDatabase {
  readonly root: RootDatabase;
  readonly frames: Database<Buffer, Buffer>;
  readonly pages: Database<Buffer, Buffer>;
  readonly manifests: Database<Manifest, string>;
  readonly records: Database<ZoneRecord, string>;
}

export interface OpenedDatabase {
  readonly database: StoreDatabase;
  /** Why a store that was there was set aside, and where it is now. */
  readonly damage: string | undefined;
}

const FORMAT = 1;

/** Throws where the folder cannot be used at all. */
export function openDatabase(setup: StoreSetup): OpenedDatabase {
  const { folder } = setup;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  claim(folder);
  let damage = checkFile(folder);
  try {
    return { database: openFile(setup), damage };
  } catch (error) {
    damage ??= setAside(folder, `it cannot be opened: ${(error as Error).message}`);
    return { database: openFile(setup), damage };
  }
}

function openFile({ folder, sync }: StoreSetup): StoreDatabase {
  const root = open({
    path: folder,
    noSubdir: false,
    maxDbs: 8,
    // A commit that has returned is on the disk.
    overlappingSync: false,
    noSync: !sync,
  });
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const database = {
    root,
    frames: root.openDB<Buffer, Buffer>({ name: 'frames', ...binary }),
    pages: root.openDB<Buffer, Buffer>({ name: 'pages', ...binary }),
    manifests: root.openDB<Manifest, string>({ name: 'manifests', encoding: 'msgpack' }),
    records: root.openDB<ZoneRecord, string>({ name: 'records', encoding: 'msgpack' }),
  };
  const meta = root.openDB<number, string>({ name: 'meta', encoding: 'msgpack' });
  const format = meta.get('format');
  if (format === undefined) meta.putSync('format', FORMAT);
  else if (format !== FORMAT) throw new Error(`it has format ${format}, and this version of zonegate reads ${FORMAT}`);
  return database;
}
