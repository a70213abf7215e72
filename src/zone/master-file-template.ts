/** The templates of BIND's $GENERATE: `$` is the number, `${offset,width,base}` the number in a form, `$$` a dollar. */

/** Literal text and places for the number, in turn. */
export type Template = readonly (string | Place)[];

interface Place {
  readonly offset: number;
  readonly width: number;
  readonly base: string;
}

/** A string is the failure. */
export function compileTemplate(text: string): Template | string {
  const parts: (string | Place)[] = [];
  let literal = '';
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\') {
      literal += text.slice(at, at + 2); // `\$` stays escaped for the record's own parser
      at++;
    } else if (character !== '$') {
      literal += character;
    } else if (text[at + 1] === '$') {
      literal += '$';
      at++;
    } else {
      parts.push(literal);
      literal = '';
      const braces = text[at + 1] === '{' ? text.indexOf('}', at) : at;
      const place = braces === at ? PLAIN : readPlace(text.slice(at + 2, Math.max(braces, at)));
      if (place === undefined || braces < 0) return `expected \${offset,width,base} at '${text.slice(at, at + 20)}'`;
      parts.push(place);
      at = braces;
    }
  }
  parts.push(literal);
  return parts;
}

/** The line for a number; undefined where an offset takes it below zero. */
export function expandTemplate(template: Template, number: number): string | undefined {
  let line = '';
  for (const part of template) {
    if (typeof part === 'string') {
      line += part;
      continue;
    }
    const value = number + part.offset;
    if (value < 0) return undefined;
    line += format(value, part);
  }
  return line;
}

const PLAIN: Place = { offset: 0, width: 0, base: 'd' };

/** `-12,3,x`: width and base may be left out. Widths beyond a name's length serve nobody. */
function readPlace(text: string): Place | undefined {
  const parts = /^([+-]?\d{1,9})(?:,(\d{1,3})(?:,([doxXnN]))?)?$/.exec(text);
  if (parts === null) return undefined;
  return { offset: Number(parts[1]), width: Number(parts[2] ?? 0), base: parts[3] ?? 'd' };
}

function format(value: number, { width, base }: Place): string {
  switch (base) {
    case 'o':
      return value.toString(8).padStart(width, '0');
    case 'x':
      return value.toString(16).padStart(width, '0');
    case 'X':
      return value.toString(16).toUpperCase().padStart(width, '0');
    case 'n':
      return nibbles(value.toString(16), width);
    case 'N':
      return nibbles(value.toString(16).toUpperCase(), width);
    default:
      return String(value).padStart(width, '0');
  }
}

/** Hexadecimal digits from the last to the first with dots between: the width counts both, as in BIND. */
function nibbles(hex: string, width: number): string {
  const digits = Array.from(hex.padStart(Math.ceil(width / 2), '0'))
    .reverse()
    .join('.');
  return digits.length < width ? `${digits}.` : digits;
}
