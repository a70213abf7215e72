/** Where thread entry points lie: beside `src`, as `.ts` in a checkout and `.js` in `dist`. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

export const workerUrl = (name: string): URL => new URL(`../../workers/${name}${extension}`, import.meta.url);
