/**
 * Measures how much each pixel counts for the chosen value, and stops when it is another one.
 *
 * @import {Heat, Over} from "../core/field_types.js"
 * @import {Inspection, UnitAddress} from "../core/types.js"
 * @import {ReceptiveFieldView} from "../views/receptive_field.js"
 */
import { ApiProblem, measureEffectiveField, Unreachable } from "../api.js";
import { heatOf } from "../core/effective_field.js";
import { EffectiveFieldView, NOISE } from "../views/effective_field.js";

export class EffectiveMeasurement {
  #field;
  #view;
  #onLost;
  /** @type {Inspection | null} */
  #inspection = null;
  /** @type {UnitAddress | null} */
  #unit = null;
  /** @type {AbortController | null} */
  #running = null;
  /** What is wanted for whatever is chosen: one run takes a moment. */
  #follows = false;

  /**
   * @param {ReceptiveFieldView} field
   * @param {() => void} onLost
   */
  constructor(field, onLost) {
    this.#field = field;
    this.#onLost = onLost;
    this.#view = new EffectiveFieldView(field.more, {
      onMeasure: (over) => {
        this.#follows = over === "input";
        void this.#measure(over);
      },
      onCancel: () => this.#stop(),
      onHide: () => {
        this.#follows = false;
        this.#stop();
        this.#clear();
      },
    });
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
    this.#again();
  }

  /** It is about another value, or another input. */
  #again() {
    this.#stop();
    if (this.#follows && this.#unit && this.#inspection) void this.#measure("input");
    else this.#clear();
  }

  #clear() {
    this.#field.setHeat(null);
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
    this.#view.begin(over);
    /** @type {Heat | null} */
    let heat = null;
    let inputs = 0;
    /** @param {boolean} cut */
    const end = (cut) => {
      if (heat) this.#view.end(heat, this.#field.field, over, inputs, cut);
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
            this.#field.setHeat(heat);
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
