/**
 * Where the keys lead on the map.
 *
 * @import {MapItem} from "./fold.js"
 * @import {MapBox} from "./map_view.js"
 * @import {Neighbours} from "./neighbours.js"
 */

/**
 * The item that a key leads to from another.
 *
 * @param {string} key  as of a keyboard event
 * @param {MapItem} item
 * @param {MapItem[]} items  in order of execution
 * @param {ReadonlyMap<string, MapBox>} boxes  of the items
 * @param {Neighbours} neighbours
 * @returns {string | null | undefined} its id; null: nothing is there; undefined: the key leads nowhere
 */
export function walkedTo(key, item, items, boxes, neighbours) {
  const place = items.indexOf(item);
  switch (key) {
    case "ArrowRight":
      return neighbours.after(item.id)[0] ?? items[place + 1]?.id ?? null;
    case "ArrowLeft":
      return neighbours.before(item.id)[0] ?? items[place - 1]?.id ?? null;
    case "ArrowDown":
      return beside(item, 1, items, boxes);
    case "ArrowUp":
      return beside(item, -1, items, boxes);
    case "Home":
      return items[0]?.id ?? null;
    case "End":
      return items.at(-1)?.id ?? null;
    default:
      return undefined;
  }
}

/**
 * The nearest item above (-1) or below (1).
 *
 * @param {MapItem} item
 * @param {number} direction
 * @param {MapItem[]} items
 * @param {ReadonlyMap<string, MapBox>} boxes
 */
function beside(item, direction, items, boxes) {
  const from = boxes.get(item.id);
  if (!from) return null;
  let best = null;
  let least = Infinity;
  for (const { id } of items) {
    const box = boxes.get(id);
    if (!box || id === item.id) continue;
    const down = box.y + box.height / 2 - from.y - from.height / 2;
    const across = Math.abs(box.x + box.width / 2 - from.x - from.width / 2);
    if (Math.sign(Math.round(down)) !== direction || across >= 4 * from.width) continue;
    const distance = Math.abs(down) + 2 * across;
    if (distance < least) [best, least] = [id, distance];
  }
  return best;
}
