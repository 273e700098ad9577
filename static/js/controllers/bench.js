/**
 * What every page with an input has: the live session, the guesses, the received image and the
 * network. Where the input comes from is the page's affair.
 *
 * @import {Drawing, Guessed, Inspection, SessionStatus} from "../core/types.js"
 * @import {Input} from "./live_session.js"
 * @import {MakeNetworkView} from "./network_explorer.js"
 */
import { getInputPixel } from "../api.js";
import { NewestWins } from "../core/newest_wins.js";
import { byId } from "../views/dom.js";
import { Guesses } from "../views/guesses.js";
import { Received } from "../views/received.js";
import { ServerStatus } from "../views/server_status.js";
import { ThemeButton } from "../views/theme.js";
import { Address } from "./address.js";
import { Announcer } from "./announcer.js";
import { LiveSession } from "./live_session.js";
import { NetworkExplorer } from "./network_explorer.js";

/** Milliseconds for which a note at the lower edge stays. */
const TOAST = 4000;

/**
 * @typedef {object} BenchModel
 * @property {string} name
 * @property {string[]} categories  none: it makes no guesses
 * @property {number} topK  most guesses in one answer of the server
 * @property {string} silence  why it makes no guesses; "" where it does
 * @property {number} leastProbability  of a best guess; with less it does not know; 0 where that was not measured
 *
 * @typedef {object} BenchWords  What depends on where the input comes from.
 * @property {string[]} steps  what one does here, before there is a guess
 * @property {string} [received]  what stands below the received image before there is one
 * @property {string} nothing  that there is nothing to guess at yet, in a sentence; "" where there always is
 * @property {string} kept  what is safe when the server is away: "drawing"
 *
 * @typedef {object} BenchHandlers
 * @property {(foreign: boolean) => void} onMoved  the reader went back or forward, or typed an address
 * @property {(guesses: Guessed) => void} onGuesses  they may be there before the inspection of the same input
 * @property {(inspection: Inspection, drawing: Drawing, thinned: boolean) => void} onInspection
 * @property {(status: SessionStatus) => void} [onStatus]
 * @property {(busy: boolean) => void} [onBusy]
 */

export class Bench {
  #session;
  #status;
  #theme = new ThemeButton(byId("theme-button", HTMLButtonElement));
  #announcer = new Announcer(byId("announcer", HTMLElement));
  #received;
  #toastTimer = 0;
  /** @type {NewestWins<{id: string, cell: import("../core/types.js").Cell}>} */
  #pixels = new NewestWins((job) => this.#readPixel(job));

  /**
   * @param {BenchModel} model
   * @param {MakeNetworkView} makeView  how the network is shown
   * @param {BenchWords} words
   * @param {BenchHandlers} handlers
   */
  constructor({ name, categories, topK, silence, leastProbability }, makeView, { steps, received, nothing, kept }, handlers) {
    const main = byId("main", HTMLElement);
    this.guesses = new Guesses(byId("guess-list", HTMLElement), { steps, nothing, silence, categories: categories.length, card: cardOf(name), leastProbability }, (sentence) => this.say(sentence));
    this.#received = new Received(byId("received-view", HTMLElement), { empty: received, onPixel: (id, cell) => this.#pixels.offer({ id, cell }) });
    this.address = new Address((_, foreign) => {
      handlers.onMoved(foreign);
      this.explorer.apply();
    });
    this.#session = new LiveSession(name, Math.max(1, Math.min(categories.length, topK)), {
      wantedLayers: () => this.explorer.wantedLayers,
      onGuesses: (guesses) => {
        this.guesses.setStale(false);
        this.guesses.update(guesses);
        handlers.onGuesses(guesses);
      },
      onInspection: (inspection, drawing, thinned) => {
        this.#received.update(inspection, drawing);
        this.explorer.updateInspection(inspection);
        handlers.onInspection(inspection, drawing, thinned);
      },
      onMaps: (inspection, maps) => this.explorer.updateMaps(inspection, maps),
      onBehind: (behind) => this.explorer.setBehind(behind),
      onStatus: (status) => {
        this.guesses.setStale(status.state !== "ready");
        this.#status.show(status);
        handlers.onStatus?.(status);
      },
      onBusy: (busy) => {
        main.setAttribute("aria-busy", String(busy));
        handlers.onBusy?.(busy);
      },
    });
    this.#status = new ServerStatus(byId("server-status", HTMLElement), () => this.retry(), kept);
    this.explorer = new NetworkExplorer(name, categories, this.address, makeView, {
      onWant: () => this.#session.refreshMaps(),
      onLost: () => this.#session.renew(),
      onStatus: (status) => this.#status.show(status),
      onSay: (text) => this.say(text),
    });
    addEventListener("online", () => this.retry());
  }

  /** @param {Input | null} input  null: there is none any more */
  offer(input) {
    this.#session.offer(input);
    if (input) return;
    this.guesses.clear();
    this.#received.clear();
    this.explorer.clear();
    this.#status.show({ state: "ready" });
  }

  retry() {
    this.#session.retryNow();
    this.explorer.retryNow();
  }

  cycleTheme() {
    this.#theme.cycle();
  }

  /** @param {string} text  to screen readers */
  say(text) {
    this.#announcer.say(text);
  }

  /** @param {string} text  a note at the lower edge */
  toast(text) {
    const toast = byId("toast", HTMLElement);
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = window.setTimeout(() => (toast.hidden = true), TOAST);
  }

  /** @param {string} held  what the link opens */
  async copyLink(held) {
    try {
      await navigator.clipboard.writeText(this.address.link);
      this.toast(`Link copied. It opens ${held}.`);
    } catch {
      this.toast(`Copy the address of this page: it opens ${held}.`);
    }
  }

  /** @param {{id: string, cell: import("../core/types.js").Cell}} job */
  async #readPixel({ id, cell }) {
    try {
      this.#received.setPixel({ id, ...(await getInputPixel(id, cell)) });
    } catch {
      // The input has changed meanwhile, or the server is away, which the session says.
    }
  }
}

/** Where it says how a network was measured, and when it does not know. @param {string} name */
const cardOf = (name) => `/models/${encodeURIComponent(name)}/card#report-unknown`;
