/**
 * Calls the operator: the count in the title always, and as chosen a short tone and a title that
 * flashes while the page is not looked at.
 */

import type { Prefs } from "./prefs";

export interface AlertSurroundings {
  setTitle(title: string): void;
  /** Whether somebody looks at the page now. */
  lookedAt(): boolean;
  ring(): void;
  every(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
  prefs(): Prefs;
}

export const FLASH_MS = 1000;
/** Not more often than this, however many come at once. */
export const RING_PAUSE_MS = 3000;

export class Alerts {
  #count = 0;
  #flashing: unknown = null;
  #rang = -Infinity;

  constructor(
    private readonly title: string,
    private readonly around: AlertSurroundings,
    private readonly now: () => number,
  ) {}

  /** How many wait. */
  count(waiting: number): void {
    this.#count = waiting;
    if (this.#flashing === null) this.around.setTitle(this.#plain());
  }

  /** Somebody new waits. */
  call(words: string): void {
    const { sound, flash } = this.around.prefs();
    if (sound && this.now() - this.#rang >= RING_PAUSE_MS) {
      this.#rang = this.now();
      this.around.ring();
    }
    if (flash && !this.around.lookedAt()) this.#flash(words);
  }

  /** Somebody looks again. */
  seen(): void {
    this.around.clear(this.#flashing);
    this.#flashing = null;
    this.around.setTitle(this.#plain());
  }

  #plain(): string {
    return this.#count ? `(${this.#count}) ${this.title}` : this.title;
  }

  #flash(words: string): void {
    this.around.clear(this.#flashing);
    let on = true;
    this.around.setTitle(`● ${words}`);
    this.#flashing = this.around.every(() => {
      if (this.around.lookedAt() || !this.around.prefs().flash) {
        this.seen();
        return;
      }
      on = !on;
      this.around.setTitle(on ? `● ${words}` : this.#plain());
    }, FLASH_MS);
  }
}

/** Two soft notes, a third apart. Browsers keep silent until the page was once clicked or typed in. */
export function browserRing(): () => void {
  let audio: AudioContext | null = null;
  return () => {
    try {
      audio ??= new AudioContext();
    } catch {
      return; // no sound on this machine
    }
    const context = audio;
    const play = () => {
      [659.25, 830.61].forEach((pitch, i) => {
        const tone = context.createOscillator();
        const volume = context.createGain();
        const from = context.currentTime + i * 0.14;
        tone.frequency.value = pitch;
        volume.gain.setValueAtTime(0, from);
        volume.gain.linearRampToValueAtTime(0.12, from + 0.02);
        volume.gain.exponentialRampToValueAtTime(0.001, from + 0.35);
        tone.connect(volume).connect(context.destination);
        tone.start(from);
        tone.stop(from + 0.36);
      });
    };
    if (context.state === "running") play();
    else void context.resume().then(play, () => undefined);
  };
}
