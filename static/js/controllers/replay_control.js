/** Replays a drawing on the pad, stroke by stroke in its own time. @import {Drawing} from "../core/types.js" */
import { drawingAt, duration, timeline } from "../core/replay.js";

export class ReplayControl {
  #frame = 0;
  #onFrame;
  #onEnd;

  /**
   * @param {(drawing: Drawing) => void} onFrame  what has been drawn so far
   * @param {() => void} onEnd  finished or cancelled
   */
  constructor(onFrame, onEnd) {
    this.#onFrame = onFrame;
    this.#onEnd = onEnd;
  }

  get running() {
    return this.#frame !== 0;
  }

  /** @param {Drawing} drawing */
  start(drawing) {
    this.cancel();
    const line = timeline(drawing);
    const end = duration(line);
    // Who asked for less motion sees whole strokes appear instead of a moving line.
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const began = performance.now();
    const step = () => {
      const moment = performance.now() - began;
      if (moment >= end) {
        this.#frame = 0;
        this.#onEnd();
        return;
      }
      this.#onFrame(still ? line.filter(({ t }) => (t[t.length - 1] ?? 0) <= moment) : drawingAt(line, moment));
      this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  cancel() {
    if (!this.#frame) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#onEnd();
  }
}
