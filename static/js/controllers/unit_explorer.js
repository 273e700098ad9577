/**
 * The value under the microscope: what it sees of the image, and how it came about.
 *
 * @import {Cell, Inspection, UnitAddress} from "../core/types.js"
 * @import {Address} from "./address.js"
 * @import {LayerDetail} from "../views/layer_detail.js"
 */
import { precise } from "../core/arithmetic.js";
import { fieldInWords } from "../core/receptive_field.js";
import { StudyAddress } from "./study_address.js";
import { UnitReader } from "./unit_reader.js";
import { UnitStudies } from "./unit_studies.js";

/** Most terms of one kind that the server lists. */
const ALL_TERMS = 1024;
/** Input channels of a convolution that are shown at first: each is two grids. */
const FIRST_CHANNELS = 8;

/**
 * @typedef {object} UnitExplorerHandlers
 * @property {() => void} onLost
 * @property {(text: string) => void} onSay
 * @property {(layer: string, channel: number | null, cell: Cell | null) => void} onGo
 */

/** @param {UnitAddress | null} one @param {UnitAddress | null} other */
function same(one, other) {
  if (!one || !other) return one === other;
  return one.layer === other.layer && one.channel === other.channel && one.y === other.y && one.x === other.x;
}

export class UnitExplorer {
  #detail;
  #reader;
  #studies;
  #open;
  #onSay;
  #version = "";
  /** @type {Inspection | null} */
  #inspection = null;
  /** The value that stays, and the one that the pointer is at. @type {UnitAddress | null} */
  #chosen = null;
  /** @type {UnitAddress | null} */
  #pointed = null;
  /** What was chosen by hand and is to be read out once it has come. @type {UnitAddress | null} */
  #toSay = null;

  /**
   * @param {string} model
   * @param {LayerDetail} detail
   * @param {Address} address
   * @param {UnitExplorerHandlers} handlers
   */
  constructor(model, detail, address, { onLost, onSay, onGo }) {
    this.#detail = detail;
    this.#onSay = onSay;
    this.#open = new StudyAddress(address);
    this.#studies = new UnitStudies(model, detail.studies, address, this.#open, { onLost, onGo });
    this.#reader = new UnitReader(model, {
      onField: (unit, field) => {
        if (!same(unit, this.#pointed)) return;
        this.#detail.showField(unit, field);
        this.#studies.setField(unit, field);
        if (same(unit, this.#toSay) && !this.#detail.wantsArithmetic) this.#say(`It sees: ${fieldInWords(field)}`);
      },
      onNoField: (unit, reason) => {
        if (same(unit, this.#pointed)) this.#detail.showField(unit, reason);
      },
      onArithmetic: (unit, arithmetic, isLast) => {
        if (!same(unit, this.#chosen) || !this.#inspection) return;
        this.#detail.showArithmetic(arithmetic);
        if (!isLast) {
          // It is of the drawing before: better than none while somebody draws on, and said to be late.
          this.#detail.awaitArithmetic(false);
          return;
        }
        const { value, difference } = arithmetic;
        if (same(unit, this.#toSay)) this.#say(value === null ? "Its arithmetic is shown." : `Recomputed: ${precise(value)}${difference === null ? "" : `, difference ${precise(difference)}`}.`);
      },
      onNoArithmetic: (unit, reason) => {
        if (same(unit, this.#chosen)) this.#detail.showArithmetic(reason);
      },
      onLost,
    });
  }

  /** Open what the address says is open; what is chosen comes after it. */
  apply() {
    this.#detail.setArithmeticOpen(this.#open.open.has("arithmetic"));
    this.#studies.apply();
  }

  /** The reader opened or closed the arithmetic. @param {boolean} isOpen */
  noteArithmetic(isOpen) {
    this.#open.set("arithmetic", isOpen);
  }

  /** @param {string} version  of the model */
  setVersion(version) {
    this.#version = version;
    this.#studies.setVersion(version);
  }

  /** @param {Inspection | null} inspection  of the current drawing */
  setInspection(inspection) {
    this.#inspection = inspection;
    this.#detail.setImage(inspection?.input.image ?? null);
    this.#studies.setInspection(inspection);
    if (inspection) this.#version = inspection.version;
    this.#readField();
    if (inspection) this.readArithmetic();
    else this.#detail.hideArithmetic();
  }

  /**
   * A value was chosen, and stays.
   *
   * @param {UnitAddress | null} unit
   * @param {boolean} byHand  with the pointer or a key, within the open picture
   */
  choose(unit, byHand) {
    const other = !same(unit, this.#chosen);
    this.#chosen = unit;
    if (byHand && other) this.#toSay = unit;
    const { node, channel } = this.#detail.opened;
    this.#studies.choose(node, channel, unit);
    this.point(unit);
    if (!unit) this.#detail.hideArithmetic();
    else if (other) this.#await(true);
  }

  /** The reading is at a value. @param {UnitAddress | null} unit */
  point(unit) {
    this.#pointed = unit;
    this.#readField();
  }

  /** The arithmetic of the chosen value, if it is open. */
  readArithmetic() {
    if (this.#chosen) this.#await(false);
  }

  /** @param {boolean} other */
  #await(other) {
    const inspection = this.#inspection;
    const unit = this.#chosen;
    // Without a drawing there is no value.
    if (!inspection || !unit) return;
    this.#detail.awaitArithmetic(other);
    if (!this.#detail.wantsArithmetic) return;
    const first = /^conv/i.test(unit.kind) ? FIRST_CHANNELS : null;
    this.#reader.readArithmetic({ unit, id: inspection.id, limit: this.#detail.wantsAll ? ALL_TERMS : first });
  }

  #readField() {
    const unit = this.#pointed;
    this.#detail.showField(unit, null);
    if (unit && this.#version) this.#reader.readField({ unit, version: this.#version });
  }

  /** @param {string} text */
  #say(text) {
    this.#toSay = null;
    this.#onSay(text);
  }
}
