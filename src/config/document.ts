/** The YAML of a configuration: its values, and where each of them stands. JSON is YAML, so it is read as it is. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';

export type Path = readonly (string | number)[];

/** Something to tell the operator, and where. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly file: string;
  readonly message: string;
}

/** Offsets of keys that stand a second time in their mapping. */
function duplicateKeys(root: unknown): number[] {
  const found: number[] = [];
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (isSeq(node)) for (const item of node.items) waiting.push(item);
    if (!isMap(node)) continue;
    const seen = new Set<unknown>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? key.value : key;
      if (seen.has(name)) found.push(offsetOf(key) ?? 0);
      seen.add(name);
      if (value !== null && value !== undefined) waiting.push(value);
    }
  }
  return found;
}

export class ConfigDocument {
  /** Syntax errors and duplicate keys. */
  readonly problems: readonly ConfigProblem[];
  /** Plain values; a key without a value is undefined, as if it were absent. */
  readonly value: unknown;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document;

  constructor(text: string, file: string) {
    this.#file = file;
    // The library's own check for duplicates compares each key with each: 100,000 zones would take a minute.
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false });
    const syntax = this.#document.errors.map((error) => {
      const { line, col } = this.#lines.linePos(error.pos[0]);
      // What follows a colon or stands in quotes may be a piece of the file, and that piece a secret.
      const what = error.message.replace(/:? *".*$|: .*$/s, '');
      return { path: '', line, column: col, file, message: `not YAML: ${what}` };
    });
    const duplicates = duplicateKeys(this.#document.contents).map((offset) => {
      const { line, col } = this.#lines.linePos(offset);
      return { path: '', line, column: col, file, message: `duplicate key${keyAt(text, offset)}` };
    });
    this.problems = [...syntax, ...duplicates].sort((a, b) => a.line - b.line || a.column - b.column);
    this.value = this.problems.length > 0 ? undefined : this.#toValue();
  }

  problem(path: Path, message: string, at: 'key' | 'value' = 'value'): ConfigProblem {
    const { offset, shown } = this.#locate(path, at);
    const { line, col } = this.#lines.linePos(offset);
    return { path: printPath(shown), line, column: col, file: this.#file, message };
  }

  #toValue(): unknown {
    try {
      return withoutNulls(this.#document.toJS(), []);
    } catch {
      return undefined; // aliases that multiply: what is left is "expected a mapping"
    }
  }

  /** The node at the path, or the nearest one above it. A scalar that stands for a list of one has no index. */
  #locate(path: Path, at: 'key' | 'value'): { offset: number; shown: Path } {
    let node: unknown = this.#document.contents;
    let offset = offsetOf(node) ?? 0;
    const shown: (string | number)[] = [];
    path.forEach((step, index) => {
      if (isAlias(node)) node = node.resolve(this.#document);
      if (isMap(node)) {
        const pair = node.items.find((item) => keyOf(item) === String(step));
        const key = offsetOf(pair?.key);
        const value = hasText(pair?.value) ? offsetOf(pair?.value) : undefined;
        const wantsKey = at === 'key' && index === path.length - 1;
        // A block mapping or list begins on a line of its own: its key says better where it is.
        const block = (isMap(pair?.value) || isSeq(pair?.value)) && pair?.value.flow !== true;
        offset = (wantsKey || block ? key : (value ?? key)) ?? offset;
        node = pair?.value;
        shown.push(step);
      } else if (isSeq(node)) {
        node = node.items[Number(step)];
        offset = offsetOf(node) ?? offset;
        shown.push(step);
      } else if (typeof step === 'string') {
        node = undefined;
        shown.push(step);
      }
    });
    return { offset, shown };
  }
}

/** `zones["example.org"].timers.refresh-min`, `listen[0].port`. */
function printPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (/^[A-Za-z0-9_-]+$/.test(step)) return index === 0 ? step : `.${step}`;
      return `[${JSON.stringify(step)}]`;
    })
    .join('');
}

const offsetOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0];

const hasText = (node: unknown): boolean => !(isScalar(node) && node.value === null);

const keyOf = (pair: Pair): string => (isScalar(pair.key) ? String(pair.key.value) : String(pair.key));

function keyAt(text: string, offset: number): string {
  const key = /^[A-Za-z0-9._*"'-]{1,80}(?=\s*:)/.exec(text.slice(offset, offset + 100));
  return key === null ? '' : ` \`${key[0]}\``;
}

/** Sections whose entries may be given as a bare name (`example.org:`): the entry is there, with nothing in it. */
const NAMED_SECTIONS: readonly string[] = ['certificates', 'keys', 'primaries', 'secondaries', 'zones'];

function withoutNulls(value: unknown, path: Path): unknown {
  if (Array.isArray(value)) return value.map((item, index) => withoutNulls(item, [...path, index]));
  if (value === null) return path.length === 2 && NAMED_SECTIONS.includes(String(path[0])) ? {} : undefined;
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutNulls(item, [...path, key])]));
}
