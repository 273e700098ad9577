/**
 * Where one looks at a map: panning and zooming, as arithmetic.
 *
 * @typedef {{scale: number, x: number, y: number}} MapView  pixel = place * scale + offset
 * @typedef {{x: number, y: number, width: number, height: number}} MapBox  in the map's own units
 * @typedef {{x: number, y: number}} MapPoint
 *
 * @typedef {object} LayoutRequest
 * @property {number} id
 * @property {{id: string, width: number, height: number, parent: string | null}[]} items
 * @property {{id: string, parent: string | null}[]} groups  unfolded, outer ones before inner ones
 * @property {{from: string, to: string}[]} connections
 *
 * @typedef {object} LayoutAnswer
 * @property {number} id  of the request
 * @property {number} width
 * @property {number} height
 * @property {Map<string, MapBox>} items
 * @property {Map<string, MapBox>} groups
 * @property {{from: string, to: string, points: MapPoint[]}[]} connections
 *
 * @typedef {{id: number, answer: LayoutAnswer} | {id: number, done: number, all: number}} LayoutMessage
 *   What the worker sends: how many of the groups are laid out, then the layout.
 */

export const SMALLEST = 0.04;
export const LARGEST = 4;

/** @param {number} scale @param {number} [smallest] */
const bounded = (scale, smallest = SMALLEST) => Math.min(LARGEST, Math.max(smallest, scale));

/**
 * The smallest scale of a map: where all of it is seen, however long it is.
 *
 * @param {{width: number, height: number}} map
 * @param {{width: number, height: number}} frame
 */
export function smallestScale(map, frame) {
  return Math.min(SMALLEST, fitting({ x: 0, y: 0, ...map }, frame).scale);
}

/**
 * Zoom so that the point under the pointer stays where it is.
 *
 * @param {MapView} view
 * @param {number} factor
 * @param {{x: number, y: number}} point  in pixels of the frame
 * @param {number} [smallest]  scale
 * @returns {MapView}
 */
export function zoomed(view, factor, { x, y }, smallest = SMALLEST) {
  const scale = bounded(view.scale * factor, smallest);
  const ratio = scale / view.scale;
  return { scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
}

/**
 * The view that shows a part of the map whole, in the middle of the frame.
 *
 * @param {MapBox} part  in the map's own units
 * @param {{width: number, height: number}} frame
 * @param {{margin?: number, largest?: number}} [options]
 * @returns {MapView}
 */
export function fitting(part, frame, { margin = 24, largest = 1.2 } = {}) {
  const scale = Math.max(
    1e-4,
    Math.min(largest, (frame.width - 2 * margin) / Math.max(part.width, 1), (frame.height - 2 * margin) / Math.max(part.height, 1)),
  );
  return {
    scale,
    x: (frame.width - part.width * scale) / 2 - part.x * scale,
    y: (frame.height - part.height * scale) / 2 - part.y * scale,
  };
}

/**
 * The view that a map opens with: whole where that is legible, else its beginning.
 *
 * @param {{width: number, height: number}} map
 * @param {{width: number, height: number}} frame
 * @param {number} [size]  of the reader's text, 1: as usual; items are to be read as easily
 * @returns {MapView}
 */
export function opening(map, frame, size = 1) {
  const legible = 0.75 * size;
  const whole = fitting({ x: 0, y: 0, ...map }, frame, { largest: 1.2 * size });
  if (whole.scale >= legible) return whole;
  const high = map.height * legible > frame.height;
  return { scale: legible, x: 24, y: high ? 24 : (frame.height - map.height * legible) / 2 };
}

/**
 * The least move of the view that brings a part of the map into the frame.
 *
 * @param {MapView} view
 * @param {MapBox} part
 * @param {{width: number, height: number}} frame
 * @param {number} [margin]
 * @returns {MapView}
 */
export function bringing(view, part, frame, margin = 32) {
  /** @param {number} offset @param {number} start @param {number} length @param {number} room */
  const moved = (offset, start, length, room) => {
    const from = start * view.scale + offset;
    const to = from + length * view.scale;
    if (from < margin || to - from > room - 2 * margin) return offset + margin - from;
    return to > room - margin ? offset + room - margin - to : offset;
  };
  return { scale: view.scale, x: moved(view.x, part.x, part.width, frame.width), y: moved(view.y, part.y, part.height, frame.height) };
}

/**
 * What of the map is in the frame.
 *
 * @param {MapView} view
 * @param {{width: number, height: number}} frame
 * @returns {MapBox}
 */
export function visiblePart(view, frame) {
  return { x: -view.x / view.scale, y: -view.y / view.scale, width: frame.width / view.scale, height: frame.height / view.scale };
}

/**
 * Whether two boxes overlap.
 *
 * @param {MapBox} one
 * @param {MapBox} other
 */
export function overlap(one, other) {
  return one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height;
}

/**
 * Whether a place is in a box, or no farther from it than that.
 *
 * @param {MapBox | undefined} box
 * @param {MapPoint} place
 * @param {number} [slack]
 */
export function isWithin(box, { x, y }, slack = 0) {
  return box !== undefined && x >= box.x - slack && y >= box.y - slack && x <= box.x + box.width + slack && y <= box.y + box.height + slack;
}

/**
 * Cubic curves through points that run from left to right, level at every point.
 *
 * @param {MapPoint[]} points
 * @returns {[MapPoint, MapPoint, MapPoint][]} two controls and the end of each, after the first point
 */
export function curves(points) {
  return points.slice(1).map((end, index) => {
    const start = points[index];
    const middle = (start.x + end.x) / 2;
    return [{ x: middle, y: start.y }, { x: middle, y: end.y }, end];
  });
}

/**
 * The same as the attribute d of an SVG path.
 *
 * @param {MapPoint[]} points
 * @returns {string} "" for fewer than two
 */
export function curvePath(points) {
  if (points.length < 2) return "";
  const parts = curves(points).map(([one, two, { x, y }]) => (one.y === y ? `H${tidy(x)}` : `C${tidy(one.x)} ${tidy(one.y)} ${tidy(two.x)} ${tidy(two.y)} ${tidy(x)} ${tidy(y)}`));
  return `M${tidy(points[0].x)} ${tidy(points[0].y)}${parts.join("")}`;
}

/** @param {number} value */
const tidy = (value) => Math.round(value * 10) / 10;

/**
 * The view as it is on every screen: the place in the middle of the frame, and the scale.
 *
 * @param {MapView} view
 * @param {{width: number, height: number}} frame
 * @returns {MapView} x and y in the map's own units
 */
export function cameraOf({ scale, x, y }, frame) {
  return { scale, x: (frame.width / 2 - x) / scale, y: (frame.height / 2 - y) / scale };
}

/**
 * The view of a frame that shows what a camera does.
 *
 * @param {MapView} camera
 * @param {{width: number, height: number}} frame
 * @returns {MapView}
 */
export function viewOf({ scale, x, y }, frame) {
  return { scale, x: frame.width / 2 - x * scale, y: frame.height / 2 - y * scale };
}

/**
 * A view on the way from one to another. The scale changes evenly to the eye, and what is in the
 * middle moves straight.
 *
 * @param {MapView} from
 * @param {MapView} to
 * @param {number} share  0 to 1
 * @param {{width: number, height: number}} frame
 * @returns {MapView}
 */
export function between(from, to, share, frame) {
  if (share >= 1) return to;
  const [one, other] = [cameraOf(from, frame), cameraOf(to, frame)];
  const scale = from.scale * (to.scale / from.scale) ** share;
  // While the scale changes, equal steps on the screen are unequal ones on the map.
  const way = Math.abs(to.scale / from.scale - 1) < 1e-6 ? share : (1 / from.scale - 1 / scale) / (1 / from.scale - 1 / to.scale);
  return viewOf({ scale, x: one.x + (other.x - one.x) * way, y: one.y + (other.y - one.y) * way }, frame);
}

/**
 * Whether two cameras are the same, as precisely as an address has them.
 *
 * @param {MapView | null} one
 * @param {MapView | null} other
 */
export function areAlike(one, other) {
  if (!one || !other) return one === other;
  return Math.abs(one.x - other.x) < 1 && Math.abs(one.y - other.y) < 1 && Math.abs(one.scale / other.scale - 1) < 0.01;
}
