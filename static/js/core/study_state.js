/** Which studies of a value are open, as the address and the reader's memory have it. */

/** @typedef {"arithmetic" | "player" | "column" | "reach"} StudyName */

/** In the order in which they stand on the page. */
export const STUDIES = Object.freeze(/** @type {StudyName[]} */ (["arithmetic", "player", "column", "reach"]));

/** What is open for somebody who has chosen nothing. */
export const USUAL_STUDIES = "arithmetic";
const NONE = "none";

/**
 * @param {string} text  names with "~" between them; "none": every study is closed
 * @returns {Set<StudyName>}
 */
export function parseStudies(text) {
  const names = text.split("~");
  return new Set(STUDIES.filter((name) => names.includes(name)));
}

/** @param {ReadonlySet<StudyName>} open */
export function formatStudies(open) {
  return STUDIES.filter((name) => open.has(name)).join("~") || NONE;
}
