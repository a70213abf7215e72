import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout, wherever the compiled test lies: vectors and sources are not copied to `dist`. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) || !existsSync(join(folder, 'test', 'vectors'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('not inside the repository');
    folder = parent;
  }
  return folder;
}
