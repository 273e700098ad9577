/**
 * Measures how much each pixel counts for the chosen value, and stops when it is another one.
 *
 * @import {Heat, Over} from "../core/field_types.js"
 * @import {Inspection, ReceptiveField, UnitAddress} from "../core/types.js"
 * @import {ReceptiveFieldView} from "../views/receptive_field.js"
 */
import { ApiProblem, measureEffectiveField, Unreachable } from "../api.js";
import { heatOf } from "../core/effective_field.js";
import { EffectiveFieldView, NOISE } from "../views/effective_field.js";

/** @typedef {{heat: Heat, over: Over, inputs: number, cut: boolean}} Measured */

export class EffectiveMeasurement {
  #picture;
  #view;
  #onLost;
  /** @type {Inspection | null} */
  #inspection = null;
  /** @type {UnitAddress | null} */
  #unit = null;
  /** Of the chosen value, once it has come. @type {ReceptiveField | null} */
  #field = null;
  /** @type {Measured | null} */
  #measured = null;
  /** @type {AbortController | null} */
  #running = null;
  /** What is wanted for whatever is chosen: one run takes a moment. */
  #follows = false;
  /** Over what it is or was measured; and what is to be measured once all is there. @type {Over | null} */
  #over = null;
  /** @type {Over | null} */
  #wanted = null;
  #onOver;

  /**
   * @param {ReceptiveFieldView} picture
   * @param {() => void} onLost
   * @param {(over: Over | null) => void} onOver  another measurement is shown, or none any more
   */
  constructor(picture, onLost, onOver) {
    this.#onOver = onOver;
    this.#picture = picture;
    this.#onLost = onLost;
    this.#view = new EffectiveFieldView(picture.more, {
      onMeasure: (over) => {
        this.#follows = over === "input";
        void this.#measure(over);
        onOver(over);
      },
      onCancel: () => this.#stop(),
      onHide: () => {
        this.#follows = false;
        this.#stop();
        this.#clear();
        onOver(null);
      },
    });
  }

  /** @param {Over | null} over  what the address says is measured */
  apply(over) {
    if (over === (this.#wanted ?? this.#over)) return;
    this.#stop();
    this.#clear();
    this.#follows = over === "input";
    this.#wanted = over;
    if (over) this.#view.setOver(over);
    if (over && this.#unit && this.#inspection) this.#again();
  }

  /** @param {Inspection | null} inspection  of the current input */
  setInspection(inspection) {
    this.#inspection = inspection;
    if (inspection) {
      const { kind } = inspection.input;
      this.#view.setChoices(kind === "example" ? ["input", "examples"] : kind === "image" ? ["input", "noise"] : ["input", "noise", "examples"]);
    }
    this.#again();
  }

  /** @param {UnitAddress | null} unit  the value that is chosen */
  choose(unit) {
    this.#unit = unit;
    this.#field = null;
    this.#again();
  }

  /**
   * The field of a value has come, perhaps after what was measured.
   *
   * @param {UnitAddress} unit
   * @param {ReceptiveField} field
   */
  setField(unit, field) {
    const chosen = this.#unit;
    if (unit.layer !== chosen?.layer || unit.channel !== chosen.channel || unit.y !== chosen.y || unit.x !== chosen.x || field === this.#field) return;
    this.#field = field;
    this.#tell();
  }

  #tell() {
    if (this.#measured) this.#view.end(this.#measured.heat, this.#field, this.#measured.over, this.#measured.inputs, this.#measured.cut);
  }

  /** It is about another value, or another input. */
  #again() {
    this.#stop();
    const over = this.#wanted ?? (this.#follows ? "input" : null);
    if (over && this.#unit && this.#inspection) return void this.#measure(over);
    // What follows, or is still to be measured, stays in the address.
    if (this.#over !== null && over === null) this.#onOver(null);
    return this.#clear();
  }

  #clear() {
    this.#measured = null;
    this.#over = null;
    this.#picture.setHeat(null);
    this.#view.clear();
  }

  #stop() {
    this.#running?.abort();
    this.#running = null;
  }

  /** @param {Over} over */
  async #measure(over) {
    this.#stop();
    const inspection = this.#inspection;
    const unit = this.#unit;
    if (!inspection || !unit) {
      this.#view.fail("Choose a cell first, by a click or with the arrow keys.");
      return;
    }
    const stop = new AbortController();
    this.#running = stop;
    this.#measured = null;
    this.#over = over;
    this.#wanted = null;
    this.#view.begin(over);
    /** @type {Heat | null} */
    let heat = null;
    let inputs = 0;
    /** @param {boolean} cut */
    const end = (cut) => {
      this.#measured = heat && { heat, over, inputs, cut };
      if (heat) this.#tell();
      else this.#view.clear();
    };
    stop.signal.addEventListener("abort", () => end(true), { once: true });
    try {
      await measureEffectiveField(
        inspection.id,
        unit,
        over,
        NOISE,
        (line) => {
          if (stop.signal.aborted) return;
          inputs = line.inputs;
          this.#view.count(line.inputs, line.of);
          heat = heatOf(line) ?? heat;
          if (heat && line.values) {
            this.#picture.setHeat(heat);
            this.#view.paint(heat);
          }
          if (line.ended) end(line.ended === "time");
        },
        stop.signal,
      );
    } catch (error) {
      if (stop.signal.aborted) return;
      if (error instanceof Unreachable || (error instanceof ApiProblem && error.status === 410)) this.#onLost();
      this.#view.fail(error instanceof Error ? error.message : String(error));
    }
    if (this.#running === stop) this.#running = null;
  }
}
