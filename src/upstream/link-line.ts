/** A waiting line, first come first served within each priority. Taking from it costs the same however long it is. */
export class WaitingLine<T> {
  readonly #lines: readonly Fifo<T>[];

  /** `priorities`: 0 to one less, 0 the most urgent. */
  constructor(priorities: number) {
    this.#lines = Array.from({ length: priorities }, () => new Fifo<T>());
  }

  push(item: T, priority: number): void {
    this.#line(priority).push(item);
  }

  /** Ahead of all that wait with the same priority. */
  pushFirst(item: T, priority: number): void {
    this.#line(priority).unshift(item);
  }

  first(priority: number): T | undefined {
    return this.#line(priority).first;
  }

  shift(priority: number): void {
    this.#line(priority).shift();
  }

  get isEmpty(): boolean {
    return this.#lines.every((line) => line.first === undefined);
  }

  /** Empties it. */
  takeAll(): T[] {
    return this.#lines.flatMap((line) => line.takeAll());
  }

  #line(priority: number): Fifo<T> {
    const line = this.#lines[priority];
    if (line === undefined) throw new Error(`no priority ${priority}`);
    return line;
  }
}

/** `Array.shift` moves what is left: over 100,000 zones that is 5 billion moves. */
class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  unshift(item: T): void {
    if (this.#head === 0) this.#items.unshift(item);
    else this.#items[--this.#head] = item;
  }

  shift(): void {
    if (this.#head === this.#items.length) return;
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  takeAll(): T[] {
    const all = this.#items.slice(this.#head) as T[];
    this.#items = [];
    this.#head = 0;
    return all;
  }
}
