/** A front's side of the turns that control gives at primaries: what is asked for, and what is given back. */
import type { FromFront } from './messages.ts';
import type { RelayTurns } from './relay.ts';

export class FrontRelayTurns implements RelayTurns {
  readonly #send: (message: FromFront) => void;
  readonly #waiting = new Map<number, (isGranted: boolean) => void>();
  #next = 1;

  constructor(send: (message: FromFront) => void) {
    this.#send = send;
  }

  take(primary: string, isTransfer: boolean, begin: (isGranted: boolean) => void): () => void {
    const turn = this.#next++;
    this.#waiting.set(turn, begin);
    this.#send({ kind: 'relay-wanted', turn, primary, isTransfer });
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#waiting.delete(turn);
      this.#send({ kind: 'relay-done', turn });
    };
  }

  /** What control says. Who has given up meanwhile has told so. */
  given(turn: number, isGranted: boolean): void {
    const begin = this.#waiting.get(turn);
    this.#waiting.delete(turn);
    begin?.(isGranted);
  }
}

/** Control's side, for one front: a turn that is given back before it comes is given back when it comes. */
export class TurnBook {
  readonly #held = new Map<number, 'wanted' | (() => void)>();

  async want(
    turn: number,
    given: Promise<(() => void) | undefined>,
    tell: (isGranted: boolean) => void,
  ): Promise<void> {
    this.#held.set(turn, 'wanted');
    const giveBack = await given;
    if (!this.#held.has(turn)) {
      giveBack?.();
      return;
    }
    if (giveBack === undefined) this.#held.delete(turn);
    else this.#held.set(turn, giveBack);
    tell(giveBack !== undefined);
  }

  done(turn: number): void {
    const held = this.#held.get(turn);
    this.#held.delete(turn);
    if (typeof held === 'function') held();
  }

  /** The front is gone. */
  clear(): void {
    for (const turn of [...this.#held.keys()]) this.done(turn);
  }
}

/** Without threads between: gives the turn back when called. */
export function takeTurn(given: Promise<(() => void) | undefined>, begin: (isGranted: boolean) => void): () => void {
  const book = new TurnBook();
  void book.want(0, given, begin);
  return () => book.done(0);
}
