/** Play, pause, step, scrub and speed. */
import { html, icon } from "../dom.js";

const PLAY = "M8 5v14l11-7z";
const PAUSE = "M8 5v14M16 5v14";
/** Steps in a second at the usual speed. */
const USUAL = 2;
const SLOW_MOTION = 1;

/** Whether the reader has asked for less motion. */
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Transport {
  element = html("div", { class: "transport", role: "group", "aria-label": "Animation" });
  #play = html("button", { type: "button", class: "icon-button transport-play", onclick: () => this.toggle() });
  #scrub = html("input", { type: "range", class: "transport-scrub", min: 0, max: 0, value: 0, "aria-label": "Step" });
  #place = html("output", { class: "transport-place" });
  #speed = html("select", { "aria-label": "Speed" }, ...[0.5, 1, 2, 5, 20].map((speed) => html("option", { value: speed, selected: speed === 1 }, `${speed}×`)));
  #timer = 0;
  #count = 1;
  #step = 0;
  #onStep;

  /** @param {(step: number, playing: boolean) => void} onStep */
  constructor(onStep) {
    this.#onStep = onStep;
    this.#scrub.addEventListener("input", () => this.go(Number(this.#scrub.value)));
    this.#speed.addEventListener("change", () => this.playing && this.#run());
    /** @param {string} label @param {string} path @param {() => void} act */
    const button = (label, path, act) => html("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: act }, icon(path));
    this.element.append(
      button("First step", "M6 5v14M19 5l-9 7 9 7z", () => this.go(0)),
      button("Step back", "M16 5l-9 7 9 7z", () => this.go(this.#step - 1)),
      this.#play,
      button("Step forward", "M8 5l9 7-9 7z", () => this.go(this.#step + 1)),
      button("Last step", "M18 5v14M5 5l9 7-9 7z", () => this.go(this.#count - 1)),
      this.#scrub,
      this.#place,
      html("label", { class: "transport-speed" }, html("span", { class: "label" }, "Speed"), this.#speed),
    );
    this.#label();
  }

  get playing() {
    return this.#timer !== 0;
  }

  get step() {
    return this.#step;
  }

  /** @param {number} count @param {number} step */
  set(count, step) {
    this.#count = Math.max(1, count);
    this.#step = Math.max(0, Math.min(this.#count - 1, step));
    this.#scrub.max = String(this.#count - 1);
    this.#show();
  }

  /** A step of the reader's own: playing ends. @param {number} step */
  go(step) {
    this.pause();
    this.#move(step);
  }

  /** @param {number} step */
  #move(step) {
    this.#step = Math.max(0, Math.min(this.#count - 1, step));
    this.#show();
    this.#onStep(this.#step, this.playing);
  }

  #show() {
    this.#scrub.value = String(this.#step);
    this.#scrub.setAttribute("aria-valuetext", `step ${this.#step + 1} of ${this.#count}`);
    this.#place.textContent = `${this.#step + 1} / ${this.#count}`;
  }

  toggle() {
    if (this.playing) {
      this.pause();
      this.#onStep(this.#step, false);
      return;
    }
    if (this.#step === this.#count - 1) this.#move(0);
    this.#run();
  }

  #run() {
    clearInterval(this.#timer);
    const perSecond = (calm.matches ? SLOW_MOTION : USUAL) * Number(this.#speed.value);
    this.#timer = window.setInterval(() => this.#tick(), 1000 / perSecond);
    this.#label();
  }

  #tick() {
    this.#move(this.#step + 1);
    if (this.#step < this.#count - 1) return;
    this.pause();
    this.#onStep(this.#step, false);
  }

  pause() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#label();
  }

  #label() {
    const label = this.playing ? "Pause" : "Play";
    this.#play.setAttribute("aria-label", label);
    this.#play.title = `${label} (space)`;
    this.#play.replaceChildren(icon(this.playing ? PAUSE : PLAY));
  }

  destroy() {
    this.pause();
    this.element.remove();
  }
}
