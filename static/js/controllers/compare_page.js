/**
 * Wires the Compare page: pads and networks -> both answers -> guesses and layers beside each other.
 *
 * @import {CompareMode, LayerMatch, Side, Sides} from "../core/comparison.js"
 * @import {CompareState} from "../core/compare_state.js"
 * @import {Choice} from "../core/compared_networks.js"
 * @import {Command} from "../core/shortcuts.js"
 * @import {Drawing, Model, SessionStatus} from "../core/types.js"
 * @import {Input} from "./live_session.js"
 * @import {Pair} from "./pair_session.js"
 */
import { ApiProblem, getExamples, getMatches, getModel } from "../api.js";
import { retryDelay } from "../core/backoff.js";
import { certainty } from "../core/certainty.js";
import { chosenNetworks } from "../core/compared_networks.js";
import { decodeDrawing, encodeDrawing } from "../core/drawing_code.js";
import { PLACES, registerKeys } from "../core/key_table.js";
import { MOST_POINTS, MOST_STROKES } from "../core/geometry.js";
import { percent } from "../core/numbers.js";
import { totalVariation } from "../core/comparison.js";
import { recall, remember } from "../storage.js";
import { CompareGuesses } from "../views/compare_guesses.js";
import { byId } from "../views/dom.js";
import { Segmented } from "../views/segmented.js";
import { ServerStatus } from "../views/server_status.js";
import { ThemeButton } from "../views/theme.js";
import { Announcer } from "./announcer.js";
import { CompareAddress } from "./compare_address.js";
import { CompareLayers } from "./compare_layers.js";
import { Keys } from "./keys.js";
import { isEmpty, NOTHING, PadPanel } from "./pad_panel.js";
import { PairSession } from "./pair_session.js";

const SIDES = /** @type {const} */ (["a", "b"]);
/** Where the drawings are remembered; that of A is the Draw page's, so that one takes it along. */
const KEPT = { a: "drawing", b: "compare-drawing" };
/** Milliseconds for which an answer may be out of date before the page says so. */
const PATIENCE = 500;

export class ComparePage {
  #choices;
  #address = new CompareAddress((_, foreign) => this.#moved(foreign));
  #announcer = new Announcer(byId("announcer", HTMLElement));
  #theme = new ThemeButton(byId("theme-button", HTMLButtonElement));
  #status = new ServerStatus(byId("server-status", HTMLElement), () => this.#retry());
  #guesses = new CompareGuesses(byId("pair-guesses", HTMLElement));
  #selects = { a: byId("model-a", HTMLSelectElement), b: byId("model-b", HTMLSelectElement) };
  #mode;
  #pads;
  #session;
  #layers;
  #keys;
  /** The inputs as they are now, those under the pen as well. @type {Sides<Input>} */
  #inputs = { a: NOTHING, b: NOTHING };
  /** @type {Side} the pad that was used last */
  #last = "a";
  /** @type {Pair} */
  #pair = { a: null, b: null };
  /** Which networks the layers are of. */
  #loaded = "";
  /** @type {(() => void) | null} */
  #wake = null;
  #staleTimer = 0;
  #toastTimer = 0;

  /** @param {Choice[]} choices  the default network first */
  constructor(choices) {
    this.#choices = choices;
    const main = byId("main", HTMLElement);
    this.#mode = new Segmented(byId("compare-mode", HTMLElement), { name: "mode", label: "What is compared", choices: [["drawings", "Two drawings, one network"], ["models", "One drawing, two networks"]], value: this.#address.state.mode }, (mode) => this.#setMode(mode));
    for (const side of SIDES) {
      this.#selects[side].addEventListener("change", () => this.#choose(side, this.#selects[side].value));
    }
    /** @param {Side} side */
    const pad = (side) =>
      new PadPanel(byId(`pad-${side}`, HTMLElement), {
        onDraw: (input) => this.#drawn(side, input),
        onChange: (input) => this.#changed(side, input),
        onSay: (text) => this.#announcer.say(text),
        onRefused: (reason) => this.#toast(reason),
      });
    this.#pads = { a: pad("a"), b: pad("b") };
    this.#session = new PairSession({
      wanted: () => this.#layers.wanted,
      onPair: (pair, thinned) => this.#answered(pair, thinned),
      onDetail: (pair, detail) => {
        if (pair === this.#pair) this.#layers.setDetail(detail);
        this.#announceLayers();
      },
      onStatus: (status) => this.#statusChanged(status),
      onBusy: (busy) => {
        main.setAttribute("aria-busy", String(busy));
        clearTimeout(this.#staleTimer);
        if (busy) this.#staleTimer = window.setTimeout(() => this.#setStale(true), PATIENCE);
        else this.#setStale(false);
      },
    });
    this.#layers = new CompareLayers(this.#address, {
      onWant: () => this.#session.refresh(),
      onLost: () => this.#session.renew(),
      onSay: (text) => this.#announcer.say(text),
    });
    registerKeys(PLACES.pad, [
      { keys: ["Ctrl+Z", "Z"], label: "Undo on the pad that was used last" },
      { keys: ["Ctrl+Y", "Y"], label: "Redo there" },
      { keys: ["C"], label: "Clear it" },
    ]);
    this.#keys = new Keys((command) => this.#command(command));
    this.#listen();
  }

  async start() {
    this.#takeAddress(true);
    try {
      const examples = await getExamples();
      for (const side of SIDES) this.#pads[side].setExamples(examples);
    } catch {
      // Without examples one can still draw.
    }
  }

  #listen() {
    byId("copy-drawing", HTMLButtonElement).addEventListener("click", () => this.#copy());
    byId("swap-drawings", HTMLButtonElement).addEventListener("click", () => this.#swap());
    byId("link-button", HTMLButtonElement).addEventListener("click", () => void this.#copyLink());
    for (const side of SIDES) {
      for (const type of ["pointerdown", "focusin"]) byId(`pad-${side}`, HTMLElement).addEventListener(type, () => (this.#last = side));
    }
    document.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
      if (!file) return;
      event.preventDefault();
      this.#pads[this.#side].take(file);
    });
    addEventListener("online", () => this.#retry());
  }

  /** @param {boolean} first */
  #takeAddress(first) {
    const { state } = this.#address;
    for (const side of SIDES) {
      /** @type {Drawing} */
      let drawing = [];
      try {
        // A link says all there is; without one, the page opens with what was drawn before.
        const linked = Boolean(state.a || state.b);
        drawing = decodeDrawing(state[side] || (first && !linked ? (recall(KEPT[side]) ?? "") : ""));
      } catch (error) {
        this.#toast(error instanceof Error ? error.message : String(error));
      }
      if (first) this.#pads[side].open({ drawing, image: null });
      else this.#pads[side].push({ drawing, image: null });
    }
    this.#apply();
  }

  /** @param {boolean} foreign */
  #moved(foreign) {
    if (foreign) this.#takeAddress(false);
    else this.#apply();
  }

  /** @param {CompareMode} mode */
  #setMode(mode) {
    this.#go({ mode });
  }

  /** @param {Side} side @param {string} name */
  #choose(side, name) {
    // What the other side had may take other inputs than this one.
    const kinds = this.#choices.find((choice) => choice.name === name)?.kind;
    const fits = this.#choices.find((choice) => choice.name === this.#address.state.other)?.kind === kinds;
    if (side === "b") this.#go({ other: name });
    else this.#go(fits ? { model: name } : { model: name, other: null });
  }

  /** @param {Partial<CompareState>} change  of what is compared */
  #go(change) {
    this.#address.go({ otherLayer: null, channel: null, otherChannel: null, cell: null, page: 1, ...change });
    this.#apply();
  }

  /** The networks that the address names. @returns {Sides<Choice> | string} or why they cannot be compared */
  get #networks() {
    return chosenNetworks(this.#choices, this.#address.state);
  }

  /** Show what the address says is compared. */
  #apply() {
    const { state } = this.#address;
    const networks = this.#networks;
    const main = byId("main", HTMLElement);
    main.dataset.mode = state.mode;
    this.#mode.set(state.mode);
    byId("model-b-field", HTMLElement).hidden = state.mode === "drawings";
    byId("side-b", HTMLElement).hidden = byId("copy-tools", HTMLElement).hidden = state.mode === "models";
    const images = typeof networks !== "string" && networks.a.kind === "image";
    byId("pad-a-name", HTMLElement).textContent = state.mode === "models" ? (images ? "The image" : "The drawing") : images ? "Image A" : "Drawing A";
    byId("pad-b-name", HTMLElement).textContent = images ? "Image B" : "Drawing B";
    for (const side of SIDES) this.#pads[side].setTakes(!images);
    const refused = typeof networks === "string";
    byId("compare-refusal", HTMLElement).hidden = !refused;
    byId("compare-refusal", HTMLElement).textContent = refused ? networks : "";
    this.#fillSelects(refused ? null : networks);
    if (refused) {
      this.#loaded = "";
      this.#layers.setNetworks(null, null);
      this.#session.offer({ a: null, b: null });
      this.#clear();
      return;
    }
    const wanted = `${state.mode} ${networks.a.name} ${networks.b.name}`;
    if (wanted !== this.#loaded) {
      this.#loaded = wanted;
      this.#layers.setNetworks(null, null);
      void this.#load(networks, wanted);
    } else {
      this.#layers.apply();
    }
    this.#ask();
  }

  /** @param {Sides<Choice> | null} networks */
  #fillSelects(networks) {
    const { a: selectA, b: selectB } = this.#selects;
    if (selectA.options.length === 0) {
      for (const select of [selectA, selectB]) {
        for (const choice of this.#choices) select.add(new Option(choice.kind === "doodle" ? choice.title : `${choice.title} (${choice.kind}s)`, choice.name));
      }
    }
    const { state } = this.#address;
    selectA.value = networks?.a.name ?? state.model ?? this.#choices[0]?.name ?? "";
    selectB.value = networks?.b.name ?? state.other ?? "";
    const kind = this.#choices.find(({ name }) => name === selectA.value)?.kind;
    this.#choices.forEach((choice, index) => {
      selectA.options[index].disabled = choice.kind === "example";
      selectB.options[index].disabled = choice.kind === "example" || choice.kind !== kind;
    });
  }

  /**
   * Fetch the networks' descriptions, however long the server takes to be there.
   *
   * @param {Sides<Choice>} networks
   * @param {string} wanted
   */
  async #load({ a, b }, wanted) {
    for (let attempt = 0; this.#loaded === wanted; attempt += 1) {
      try {
        /** @type {[Model, Model, LayerMatch[] | null]} */
        const [modelA, modelB, matches] = await Promise.all([getModel(a.name), getModel(b.name), this.#address.state.mode === "models" ? getMatches(a.name, b.name) : null]);
        if (this.#loaded !== wanted) return;
        this.#layers.setNetworks({ a: modelA, b: modelB }, matches);
        if (this.#pair.a || this.#pair.b) this.#layers.setPair(this.#pair);
        this.#session.refresh();
        return;
      } catch (error) {
        if (error instanceof ApiProblem && !error.passing) {
          this.#status.show({ state: "refused", detail: error.message });
          return;
        }
        const delay = retryDelay(attempt, error instanceof ApiProblem ? error.retryAfter : null);
        if (this.#loaded === wanted) this.#status.show({ state: "waiting", detail: error instanceof Error ? error.message : String(error), seconds: Math.ceil(delay / 1000) });
        await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
          const timer = setTimeout(resolve, delay);
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        if (this.#loaded === wanted) this.#status.show({ state: "ready" });
      }
    }
  }

  /** @param {Side} side @param {Input} input  under the pen */
  #drawn(side, input) {
    this.#inputs[side] = input;
    this.#ask();
  }

  /** @param {Side} side @param {Input} input */
  #changed(side, input) {
    this.#inputs[side] = input;
    const code = encodeDrawing(input.drawing);
    this.#address.note({ [side]: code });
    remember(KEPT[side], code || null);
    const { a, b } = this.#inputs;
    byId("copy-drawing", HTMLButtonElement).disabled = isEmpty(a);
    byId("swap-drawings", HTMLButtonElement).disabled = isEmpty(a) && isEmpty(b);
    this.#ask();
  }

  /** Whether a side has what its network takes. @param {Side} side */
  #has(side) {
    const networks = this.#networks;
    const input = this.#inputs[side];
    return typeof networks !== "string" && networks[side].kind === "image" ? input.image !== null : !isEmpty(input);
  }

  /** Have the newest inputs answered. */
  #ask() {
    const networks = this.#networks;
    if (typeof networks === "string") return;
    const { mode } = this.#address.state;
    /** Both networks are given the very same input. @param {Side} side */
    const source = (side) => (mode === "models" ? "a" : side);
    /** @param {Side} side */
    const question = (side) => (this.#has(source(side)) ? { model: networks[side].name, topK: Math.max(1, networks[side].top_k), input: this.#inputs[source(side)] } : null);
    const asked = { a: question("a"), b: question("b") };
    this.#session.offer(asked);
    if (!asked.a && !asked.b) this.#clear();
  }

  /** Nothing is drawn. */
  #clear() {
    this.#pair = { a: null, b: null };
    this.#layers.setPair(null);
    this.#showGuesses();
    this.#status.show({ state: "ready" });
  }

  /** @param {Pair} pair @param {boolean} thinned */
  #answered(pair, thinned) {
    this.#pair = pair;
    // A server that was started anew may have other weights.
    if (SIDES.some((side) => this.#layers.isOutdated(side, pair[side]?.version))) {
      this.#loaded = "";
      this.#apply();
    }
    this.#layers.setPair(pair);
    this.#showGuesses();
    for (const side of SIDES) {
      const width = pair[side]?.input.preprocessing.line_width;
      if (width) for (const pad of this.#address.state.mode === "models" ? SIDES : [side]) this.#pads[pad].setLineWidth(width);
    }
    const note = byId("pad-note", HTMLElement);
    note.hidden = !thinned;
    note.textContent = `A drawing has more than ${MOST_POINTS} points or ${MOST_STROKES} strokes; less of it was sent.`;
    this.#announce();
  }

  #showGuesses() {
    const networks = this.#networks;
    const { mode } = this.#address.state;
    const titles = typeof networks === "string" ? { a: "", b: "" } : { a: networks.a.title, b: networks.b.title };
    const what = this.#takesImages ? "Image" : "Drawing";
    const names = mode === "models" ? titles : { a: `${what} A`, b: `${what} B` };
    this.#guesses.show(this.#pair, names, this.#missing());
  }

  get #takesImages() {
    const networks = this.#networks;
    return typeof networks !== "string" && networks.a.kind === "image";
  }

  /** What to do where a side has no answer, in a sentence. */
  #missing() {
    const { mode } = this.#address.state;
    const [a, b] = SIDES.map((side) => this.#has(side));
    const begin = this.#takesImages ? "Open an image, drop or paste one" : "Draw something, or start from an example";
    if (mode === "models") return a ? "" : `${begin}: both networks answer, and every layer of one stands beside its counterpart.`;
    if (!a && !b) return this.#takesImages ? `${begin} on each side: see where they part, layer by layer.` : "Draw A, copy it to B and add a stroke there: what does one stroke change?";
    if (a && !b) return this.#takesImages ? `${begin} for B as well.` : "Copy A to B and change a stroke, or draw something else there.";
    if (!a) return `${begin} for A as well.`;
    return this.#inputs.a === this.#inputs.b ? "Both sides have the same input, so everything below is the same too: change B." : "";
  }

  #announce() {
    this.#announcer.say(this.#inWords());
  }

  #announceLayers() {
    const words = this.#layers.inWords;
    if (words) this.#announcer.say(`${this.#inWords()} ${words}`);
  }

  /** Both answers, and how far they are apart, in words. */
  #inWords() {
    const { a, b } = this.#pair;
    const parts = SIDES.map((side) => {
      const inspection = this.#pair[side];
      return inspection ? `${side.toUpperCase()}: ${certainty(inspection.predictions, inspection.unknown).sentence}` : "";
    });
    const moved = a && b ? totalVariation(a.predictions, b.predictions) : null;
    if (moved !== null) parts.push(`The guesses differ by ${percent(moved)}.`);
    return parts.filter(Boolean).join(" ");
  }

  /** @param {boolean} stale */
  #setStale(stale) {
    this.#guesses.setStale(stale);
    byId("layers", HTMLElement).toggleAttribute("data-stale", stale);
    byId("stale-note", HTMLElement).hidden = !stale || (!this.#pair.a && !this.#pair.b);
  }

  /** @param {SessionStatus} status */
  #statusChanged(status) {
    if (status.state !== "ready") this.#setStale(true);
    this.#status.show(status);
  }

  #retry() {
    this.#session.retryNow();
    this.#wake?.();
  }

  #copy() {
    const { input } = this.#pads.a;
    if (isEmpty(input)) return;
    this.#pads.b.push(input);
    this.#announcer.say("A copied to B. Change a stroke there.");
    this.#pads.b.focus();
  }

  #swap() {
    const { a, b } = this.#pads;
    const [ofA, ofB] = [a.input, b.input];
    a.push(ofB);
    b.push(ofA);
    this.#announcer.say("A and B swapped.");
  }

  /** The pad that keys and the clipboard are for. */
  get #side() {
    return this.#address.state.mode === "models" ? "a" : this.#last;
  }

  /** @param {Command} command */
  #command(command) {
    const side = this.#side;
    switch (command) {
      case "undo":
      case "redo":
      case "clear":
        return this.#pads[side].command(command);
      case "focus-pad":
        return this.#pads[side].focus();
      case "focus-network":
        return this.#layers.focus();
      case "theme":
        return this.#theme.cycle();
      case "keys":
        return this.#keys.show();
      default:
        return undefined;
    }
  }

  async #copyLink() {
    const held = SIDES.some((side) => this.#inputs[side].image) ? "this view, without the images" : "these drawings and this view";
    try {
      await navigator.clipboard.writeText(this.#address.link);
      this.#toast(`Link copied. It opens ${held}.`);
    } catch {
      this.#toast(`Copy the address of this page: it opens ${held}.`);
    }
  }

  /** @param {string} text */
  #toast(text) {
    const toast = byId("toast", HTMLElement);
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = window.setTimeout(() => (toast.hidden = true), 4000);
  }
}
