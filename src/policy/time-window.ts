/** Days and hours in a time zone, judged once a minute: the calendar of another zone costs microseconds to ask. */
import type { Milliseconds } from '../base/clock.ts';
import type { TimeWindow } from './rule-config.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

export class CompiledWindow {
  readonly #window: TimeWindow;
  readonly #calendar: Intl.DateTimeFormat;
  #minute = Number.NaN;
  #isInside = false;

  /** The zone was checked: an unknown one throws a RangeError. */
  constructor(window: TimeWindow) {
    this.#window = window;
    this.#calendar = new Intl.DateTimeFormat('en-US', {
      timeZone: window.zone,
      weekday: 'short',
      hour: 'numeric',
      minute: 'numeric',
      hourCycle: 'h23',
    });
  }

  includes(now: Milliseconds): boolean {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#isInside = this.#judge(now);
    }
    return this.#isInside;
  }

  #judge(now: Milliseconds): boolean {
    const parts = new Map(this.#calendar.formatToParts(now).map(({ type, value }) => [type, value]));
    const day = DAYS.indexOf(parts.get('weekday') ?? '');
    const at = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
    const { days, from, to } = this.#window;
    const isDay = (one: number): boolean => days.length === 0 || days.includes((one + 7) % 7);
    const length = (to - from + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
    // Of the window that began today, and of the one that began yesterday and goes over midnight.
    return (
      (isDay(day) && at >= from && at < from + length) ||
      (isDay(day - 1) && at + DAY_MINUTES >= from && at + DAY_MINUTES < from + length)
    );
  }
}
