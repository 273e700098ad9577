/** Single keys of the page: one table for the handler and for the dialog that lists them. */

/** @typedef {"undo" | "redo" | "clear" | "replay" | "next-prompt" | "focus-pad" | "focus-network" | "image" | "camera" | "export" | "theme" | "keys"} Command */

/** @type {{command: Command, key: string, label: string, needs?: string}[]}  needs: the id of what the page must have for it */
export const SINGLE_KEYS = [
  { command: "undo", key: "z", label: "Undo" },
  { command: "redo", key: "y", label: "Redo" },
  { command: "clear", key: "c", label: "Clear the input" },
  { command: "replay", key: "r", label: "Replay, or stop replaying", needs: "replay" },
  { command: "next-prompt", key: "n", label: "Another thing to draw", needs: "prompt-next" },
  { command: "focus-pad", key: "d", label: "Go to the drawing pad, or the picture" },
  { command: "focus-network", key: "l", label: "Go to the layers" },
  { command: "image", key: "i", label: "Open an image", needs: "image-button" },
  { command: "camera", key: "v", label: "Start or stop the camera", needs: "camera-button" },
  { command: "export", key: "e", label: "Export pictures and tensors", needs: "export-button" },
  { command: "theme", key: "t", label: "Light, dark or as the system" },
  { command: "keys", key: "?", label: "Show this list" },
];

/**
 * The command of a key, or null. Ctrl or Cmd with Z and Y work always; single letters only where
 * `singleKeys` is on (WCAG 2.1.4 asks that they can be turned off).
 *
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} event
 * @param {boolean} singleKeys
 * @returns {Command | null}
 */
export function commandOf(event, singleKeys) {
  const key = event.key.toLowerCase();
  if (event.altKey) return null;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") return event.shiftKey ? "redo" : "undo";
    return key === "y" ? "redo" : null;
  }
  if (!singleKeys) return null;
  if (key === "z" && event.shiftKey) return "redo";
  return SINGLE_KEYS.find((entry) => entry.key === key)?.command ?? null;
}
