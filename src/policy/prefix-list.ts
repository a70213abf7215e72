/** Lists of prefixes as files and feeds have them: one a line, behind it what one likes, `#` and `;` begin a comment. */
import { fail, type Result, succeed } from '../base/result.ts';
import { type Prefix, parsePrefix } from './prefix.ts';
import { buildPrefixTable, type PrefixTable } from './prefix-table.ts';

export interface PrefixList {
  readonly table: PrefixTable;
  readonly prefixes: number;
}

/**
 * A list with one bad line is taken as a whole or not at all: what a half list lets in or keeps out, nobody meant.
 * The failure is a sentence with the line.
 */
export function readPrefixList(text: string, maxPrefixes: number): Result<PrefixList, string> {
  const prefixes: Prefix[] = [];
  let line = 0;
  for (const whole of text.split('\n')) {
    line++;
    const [word = ''] = (/^[^#;]*/.exec(whole) as RegExpExecArray)[0].trim().split(/[\s,]/, 1);
    if (word === '') continue;
    const prefix = parsePrefix(word);
    if (!prefix.ok) return fail(`line ${line}: ${JSON.stringify(word.slice(0, 60))} ${prefix.failure}`);
    if (prefixes.length === maxPrefixes) return fail(`it has more than ${maxPrefixes} prefixes (max-prefixes)`);
    prefixes.push(prefix.value);
  }
  return succeed({ table: buildPrefixTable(prefixes), prefixes: prefixes.length });
}
