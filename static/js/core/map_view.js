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
 */

export const SMALLEST = 0.04;
export const LARGEST = 2.5;

/** @param {number} scale */
const bounded = (scale) => Math.min(LARGEST, Math.max(SMALLEST, scale));

/**
 * Zoom so that the point under the pointer stays where it is.
 *
 * @param {MapView} view
 * @param {number} factor
 * @param {{x: number, y: number}} point  in pixels of the frame
 * @returns {MapView}
 */
export function zoomed(view, factor, { x, y }) {
  const scale = bounded(view.scale * factor);
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
  const scale = bounded(
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
 * @param {number} [legible]  the smallest scale at which items are read with ease
 * @returns {MapView}
 */
export function opening(map, frame, legible = 0.75) {
  const whole = fitting({ x: 0, y: 0, ...map }, frame);
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
 * A smooth path through points.
 *
 * @param {{x: number, y: number}[]} points
 * @returns {string} for the attribute d of an SVG path
 */
export function smoothPath(points) {
  if (points.length < 2) return "";
  const [start, ...rest] = points;
  let path = `M${start.x} ${start.y}`;
  for (let index = 0; index < rest.length - 1; index += 1) {
    const [corner, next] = [rest[index], rest[index + 1]];
    const last = index === rest.length - 2;
    const end = last ? next : { x: (corner.x + next.x) / 2, y: (corner.y + next.y) / 2 };
    path += `Q${corner.x} ${corner.y} ${end.x} ${end.y}`;
  }
  return rest.length === 1 ? `${path}L${rest[0].x} ${rest[0].y}` : path;
}
