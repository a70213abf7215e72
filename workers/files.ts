/** Files that a pool thread may read: those below a folder. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';

type Source = { readonly file: string; readonly text: Uint8Array };

/** `read` gives a file's octets, or a sentence why not; `files` is every path that was looked for, in order. */
export function filesBelow(folder: string): {
  readonly files: readonly string[];
  readonly read: (path: string, from: string) => Source | string;
} {
  const files: string[] = [];
  const read = (path: string, from: string): Source | string => {
    const wanted = resolve(dirname(from), path);
    files.push(wanted);
    try {
      // By its real path, so that no link leads out.
      const real = realpathSync(wanted);
      if (!real.startsWith(realpathSync(folder) + sep)) return `${path} lies outside ${folder}`;
      // A pipe or a device would hold this thread for ever.
      if (!statSync(real).isFile()) return `${path} is not a file`;
      return { file: wanted, text: readFileSync(real) };
    } catch (error) {
      return `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? error}`;
    }
  };
  return { files, read };
}
