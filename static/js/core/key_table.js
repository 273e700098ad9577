/**
 * The table of keys that `?` lists. Whoever listens to keys registers what they do, so that the
 * list is never behind: a view says `registerKeys(PLACES.map, [{ keys: ["+"], label: "Nearer" }])`
 * where it starts to listen, and calls what that returns where it stops.
 *
 * @typedef {object} KeyRow
 * @property {string[]} keys  as printed on them; a chord is one string: "Shift+Tab"
 * @property {string} label  what they do
 * @property {string} [aside]  a word on a variant: "with Shift further"
 *
 * @typedef {{place: string, rows: KeyRow[]}} KeyGroup
 */

/** Where keys work, in the order of the list. */
export const PLACES = Object.freeze({
  anywhere: "Anywhere",
  pad: "On the pad",
  map: "On the map",
  layers: "On the layers",
  channels: "In a layer: its channels",
  cells: "In a channel: its cells",
  player: "Step by step",
});

/** @type {{place: string, rows: KeyRow[]}[]} */
const registered = [];

/**
 * @param {string} place  one of PLACES, or a title of one's own, which comes after them
 * @param {KeyRow[]} rows
 * @returns {() => void} takes them off the list again
 */
export function registerKeys(place, rows) {
  const entry = { place, rows };
  registered.push(entry);
  return () => {
    const index = registered.indexOf(entry);
    if (index >= 0) registered.splice(index, 1);
  };
}

/**
 * Everything registered, place by place; what says the same twice is listed once.
 *
 * @returns {KeyGroup[]}
 */
export function keyGroups() {
  /** @type {string[]} */
  const order = Object.values(PLACES);
  const places = [...new Set([...order, ...registered.map(({ place }) => place)])];
  return places
    .map((place) => {
      /** @type {Map<string, KeyRow>} */
      const rows = new Map();
      for (const entry of registered) {
        if (entry.place === place) for (const row of entry.rows) rows.set(`${row.keys.join(" ")}\n${row.label}`, row);
      }
      return { place, rows: [...rows.values()] };
    })
    .filter(({ rows }) => rows.length > 0);
}
