/** What clients of this front have done: gathered by source and kind, and told to control now and then. */
import type { OffenceKind } from '../policy/bans.ts';
import type { AddressBytes } from '../policy/prefix.ts';
import type { Offence, RefusalReason } from './messages.ts';

const DELAY_MS = 20;
/** Different ones between two messages; more of them are not told. */
const MOST = 1_000;

export class Offences {
  readonly #send: (offences: readonly Offence[]) => void;
  #gathered = new Map<string, { source: AddressBytes; kind: OffenceKind; count: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (offences: readonly Offence[]) => void) {
    this.#send = send;
  }

  note(source: AddressBytes, kind: OffenceKind): void {
    const id = `${kind} ${Buffer.from(source).toString('latin1')}`;
    const known = this.#gathered.get(id);
    if (known !== undefined) known.count++;
    else if (this.#gathered.size < MOST) this.#gathered.set(id, { source, kind, count: 1 });
    this.#timer ??= setTimeout(() => this.#flush(), DELAY_MS).unref();
  }

  #flush(): void {
    this.#timer = undefined;
    const offences = [...this.#gathered.values()];
    this.#gathered = new Map();
    this.#send(offences);
  }
}

/** Undefined for what an honest client may meet: our own state, what others use up, a clock that is wrong. */
export const offenceOf = (why: RefusalReason): OffenceKind | undefined => KINDS[why];

const KINDS: Readonly<Record<RefusalReason, OffenceKind | undefined>> = {
  malformed: 'malformed',
  'bad-version': 'refused',
  'not-implemented': 'refused',
  'not-supported': 'refused',
  'no-rule': 'refused',
  rule: 'refused',
  dropped: 'refused',
  'bad-key': 'refused',
  'bad-signature': 'refused',
  'bad-truncation': 'refused',
  'bad-time': undefined,
  'unknown-zone': undefined,
  rate: 'limit',
  bytes: 'limit',
  repeat: 'limit',
  concurrent: undefined,
  'queue-wait': undefined,
  relays: undefined,
  'not-ready': undefined,
  expired: undefined,
};
