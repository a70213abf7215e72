/** A folder of zone files as a primary: which file is a zone's, and when it changes. */
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { FilePrimary, Primary } from '../config/config.ts';

/** Editors write in several steps: a change is looked at when it has been quiet for so long. */
const QUIET_MS = 150;

/** The path of a zone's file, `example.org` or `example.org.zone`; undefined where there is none. */
export async function findZoneFile(primary: FilePrimary, zone: string): Promise<string | undefined> {
  // The root's file would be the folder itself; a slash in a name must not lead elsewhere.
  const name = zone === '.' ? 'root' : zone.replaceAll('/', '\\047');
  for (const file of [join(primary.folder, name), join(primary.folder, `${name}.zone`)]) {
    try {
      if ((await stat(file)).isFile()) return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

/** What tells that any of several files is another than before; one that is not there counts as such. */
export async function markOf(files: readonly string[]): Promise<string> {
  const marks = await Promise.all(
    files.map((file) =>
      stat(file, { bigint: true }).then(
        ({ ino, size, mtimeNs }) => `${ino}:${size}:${mtimeNs}`,
        () => 'absent',
      ),
    ),
  );
  return marks.join(' ');
}

/** Watches the folders of all primaries that want it, each once. */
export class FolderWatchers {
  readonly #watchers = new Map<string, FolderWatcher>();
  readonly #changed: (folder: string, zone: string | undefined) => void;
  readonly #failed: (folder: string, error: Error) => void;

  /** `changed` as of `FolderWatcher`; `failed` where a folder cannot be watched, or no longer. */
  constructor(
    changed: (folder: string, zone: string | undefined) => void,
    failed: (folder: string, error: Error) => void,
  ) {
    this.#changed = changed;
    this.#failed = failed;
  }

  /** From now on these and no others. */
  watch(primaries: Iterable<Primary>): void {
    const wanted = new Set<string>();
    for (const primary of primaries) if (primary.kind === 'files' && primary.watch) wanted.add(primary.folder);
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#start(folder);
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #start(folder: string): void {
    const failed = (error: Error): void => this.#failed(folder, error);
    try {
      this.#watchers.set(folder, new FolderWatcher(folder, (zone) => this.#changed(folder, zone), failed));
    } catch (error) {
      failed(error as Error);
    }
  }
}

/** Watches a folder; calls `changed` with the name of a zone whose file may have changed, or undefined for any. */
class FolderWatcher {
  readonly #watcher: FSWatcher;
  readonly #pending = new Map<string, NodeJS.Timeout>();

  constructor(folder: string, changed: (zone: string | undefined) => void, failed: (error: Error) => void) {
    this.#watcher = watch(folder, (_event, name) => {
      const key = name === null ? '' : basename(name);
      clearTimeout(this.#pending.get(key));
      const timer = setTimeout(() => {
        this.#pending.delete(key);
        // A file that is included carries no zone's name: then every zone of the folder is looked at.
        changed(key === '' ? undefined : key.replace(/\.zone$/, '').toLowerCase());
      }, QUIET_MS);
      this.#pending.set(key, timer);
    });
    this.#watcher.on('error', failed);
  }

  close(): void {
    this.#watcher.close();
    for (const timer of this.#pending.values()) clearTimeout(timer);
  }
}
