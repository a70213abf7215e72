/** `zonegate keygen`: a TSIG key, as three programs want it written. */
import { randomBytes } from 'node:crypto';
import { type Command, Option } from 'commander';
import { ZonegateError } from '../../base/errors.ts';
import { type AlgorithmName, TSIG_ALGORITHMS } from '../../tsig/algorithm.ts';
import { nameFromText, zoneLabel } from '../../wire/name.ts';

export function register(program: Command): void {
  program
    .command('keygen')
    .description('make a TSIG key and print it for zonegate, BIND and Knot DNS')
    .argument('<name>', 'the name of the key, the same on both sides')
    .addOption(
      new Option('--algorithm <name>', 'TSIG algorithm').choices(Object.keys(TSIG_ALGORITHMS)).default('hmac-sha256'),
    )
    .option('--secret-only', 'print the base64 secret alone, as `secret-file` wants it')
    .action((name: string, options: { algorithm: AlgorithmName; secretOnly?: boolean }) => {
      const key = newKey(options.algorithm, name);
      console.log(options.secretOnly === true ? key.secret : key.clauses);
    });
}

/** A key with a random secret, as long as the hash; `clauses` is the text that `keygen` prints. */
export function newKey(algorithm: AlgorithmName, name: string): { readonly secret: string; readonly clauses: string } {
  const secret = randomBytes(TSIG_ALGORITHMS[algorithm].macLength).toString('base64');
  return { secret, clauses: clauses({ name: keyName(name), algorithm, secret }) };
}

interface KeyText {
  readonly name: string;
  readonly algorithm: AlgorithmName;
  readonly secret: string;
}

/** Each clause can be pasted as it stands; `#` begins a comment in all three. */
const clauses = ({ name, algorithm, secret }: KeyText): string => `\
# zonegate
keys:
  ${name}: { algorithm: ${algorithm}, secret: "${secret}" }

# BIND (named.conf, dig -k)
key "${name}" {
	algorithm ${algorithm};
	secret "${secret}";
};

# Knot DNS (knot.conf)
key:
  - id: ${name}
    algorithm: ${algorithm}
    secret: ${secret}`;

/** The three syntaxes escape differently, so the name must be one that needs no escape in any. */
function keyName(text: string): string {
  const name = nameFromText(text);
  if (!name.ok || !/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(text)) {
    const message = `not a name for a key: ${JSON.stringify(text)}; expected letters, digits, \`-\`, \`_\` and dots`;
    throw new ZonegateError('ZG_USAGE', message);
  }
  return zoneLabel(name.value);
}
