/**
 * Which studies of a value are open: in the address, so that a link opens the same ones, and in the
 * reader's memory for where the address says nothing.
 *
 * @import {StudyName} from "../core/study_state.js"
 * @import {Address} from "./address.js"
 */
import { formatStudies, parseStudies, STUDIES, USUAL_STUDIES } from "../core/study_state.js";
import { recall, remember } from "../storage.js";

export class StudyAddress {
  #address;

  /** @param {Address} address */
  constructor(address) {
    this.#address = address;
    // A link to a value without a word of studies means the usual ones, whatever is remembered here.
    if (address.setting("study") === null && address.state.channel === null) this.#write(remembered());
  }

  /** @returns {Set<StudyName>} */
  get open() {
    return parseStudies(this.#address.setting("study") ?? USUAL_STUDIES);
  }

  /** The reader opened or closed one. @param {StudyName} name @param {boolean} isOpen */
  set(name, isOpen) {
    remember(`study.${name}`, isOpen === usual(name) ? null : isOpen ? "open" : "closed");
    const { open } = this;
    if (isOpen) open.add(name);
    else open.delete(name);
    this.#write(open);
    this.#address.flush();
  }

  /** @param {Set<StudyName>} open */
  #write(open) {
    const text = formatStudies(open);
    const setting = text === USUAL_STUDIES ? null : text;
    if (setting !== this.#address.setting("study")) this.#address.set("study", setting);
  }
}

/** @param {StudyName} name */
const usual = (name) => parseStudies(USUAL_STUDIES).has(name);

/** What was left open at the last visit. */
function remembered() {
  return new Set(STUDIES.filter((name) => (recall(`study.${name}`) ?? (usual(name) ? "open" : "closed")) === "open"));
}
