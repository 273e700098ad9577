/** Light, dark, or as the system. @import {Theme} from "../core/types.js" */
import { remember } from "../storage.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const changes = new EventTarget();
system.addEventListener("change", () => changes.dispatchEvent(new Event("change")));

/** @returns {Theme} the theme in effect */
export function currentTheme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return system.matches ? "dark" : "light";
}

/**
 * The value of a colour of tokens.css in a theme, for canvases and for pictures that leave the page.
 *
 * @param {string} name  such as "--panel"
 * @param {Theme} [theme]  the one in effect if left out
 */
export function tokenColour(name, theme = currentTheme()) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const pair = /^light-dark\(([^,()]+|[a-z]+\([^()]*\)),\s*([^,()]+|[a-z]+\([^()]*\))\)$/.exec(text);
  return (pair ? pair[theme === "light" ? 1 : 2] : text).trim();
}

/**
 * @param {() => void} listener
 * @returns {() => void} stops listening
 */
export function onThemeChange(listener) {
  changes.addEventListener("change", listener);
  return () => changes.removeEventListener("change", listener);
}

/**
 * Run something with the page in a theme, and bring back its own.
 *
 * @template Result
 * @param {Theme} theme
 * @param {() => Promise<Result>} run
 * @returns {Promise<Result>}
 */
export async function inTheme(theme, run) {
  const root = document.documentElement;
  const before = root.dataset.theme;
  if (currentTheme() === theme) return run();
  root.dataset.theme = theme;
  changes.dispatchEvent(new Event("change"));
  try {
    return await run();
  } finally {
    if (before === undefined) delete root.dataset.theme;
    else root.dataset.theme = before;
    changes.dispatchEvent(new Event("change"));
  }
}

/** The button that goes round: as the system, light, dark. */
export class ThemeButton {
  #button;
  #next = () => this.cycle();

  /** @param {HTMLButtonElement} button */
  constructor(button) {
    this.#button = button;
    button.addEventListener("click", this.#next);
    this.#label();
  }

  cycle() {
    const root = document.documentElement;
    const following = { "": "light", light: "dark", dark: "" }[root.dataset.theme ?? ""] ?? "";
    if (following) root.dataset.theme = following;
    else delete root.dataset.theme;
    remember("theme", following || null);
    this.#label();
    changes.dispatchEvent(new Event("change"));
  }

  #label() {
    const chosen = document.documentElement.dataset.theme ?? "as the system";
    this.#button.setAttribute("aria-label", `Colours: ${chosen}`);
    this.#button.title = `Colours: ${chosen} (T)`;
  }

  destroy() {
    this.#button.removeEventListener("click", this.#next);
  }
}
