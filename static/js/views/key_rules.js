/** When a key is a shortcut, and when it belongs to a field or a dialog. */
import { recall } from "../storage.js";

const TYPED_IN = "input:not([type=checkbox], [type=radio], [type=file], [type=range]), textarea, select, [contenteditable]";

/** Whether single characters are shortcuts: WCAG 2.1.4 asks that readers can turn them off. */
export function singleKeysOn() {
  return recall("single-keys") !== "off";
}

/** @param {EventTarget | null} target */
export function isTypedIn(target) {
  return target instanceof HTMLElement && target.matches(TYPED_IN);
}

/**
 * Whether a key is free to be a shortcut of the page: nobody has taken it, it is no chord, nobody
 * types, no dialog is open; and single characters only where they are shortcuts.
 *
 * @param {KeyboardEvent} event
 */
export function isShortcut(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (isTypedIn(event.target) || document.querySelector("dialog[open]")) return false;
  return event.key.length > 1 || singleKeysOn();
}
