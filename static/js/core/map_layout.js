/**
 * Laying a folded map out from the inside to the outside: each group alone, then as one box in what
 * holds it. A tensor enters and leaves a group at a port on its frame, so that a residual branch
 * parts and joins within its block; and blocks that are alike are laid out once.
 *
 * @import {LayoutAnswer, LayoutRequest, MapBox, MapPoint} from "./map_view.js"
 */

/** Room between a group's frame and what it holds; the name of the group stands at its top. */
export const FRAME = Object.freeze({ side: 18, top: 32, bottom: 18 });
const MARGIN = 6;

/**
 * @typedef {{width: number, height: number}} Size
 * @typedef {{from: number, to: number, weight?: number}} FlatEdge  by index of the boxes
 * @typedef {{boxes: MapBox[], routes: MapPoint[][]}} FlatLayout  in the order of what was given
 * @typedef {(sizes: Size[], edges: FlatEdge[]) => FlatLayout} LayOutFlat  from left to right
 */

/**
 * What lays out one level, with dagre.
 *
 * @param {{graphlib: any, layout: (graph: any) => void}} dagre
 * @returns {LayOutFlat}
 */
export function flatWith({ graphlib, layout }) {
  return (sizes, edges) => {
    const graph = new graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: "LR", nodesep: 24, ranksep: 44, edgesep: 14, marginx: 0, marginy: 0 });
    sizes.forEach((size, index) => graph.setNode(String(index), { ...size }));
    edges.forEach(({ from, to, weight = 1 }, index) => graph.setEdge(String(from), String(to), { weight }, String(index)));
    layout(graph);
    return {
      boxes: sizes.map(({ width, height }, index) => {
        const { x, y } = graph.node(String(index));
        return { x: x - width / 2, y: y - height / 2, width, height };
      }),
      routes: edges.map(({ from, to }, index) => graph.edge(String(from), String(to), String(index)).points),
    };
  };
}

/**
 * One level: what it holds, with the ports on its frame.
 *
 * @typedef {object} Level
 * @property {string | null} id  of the group; null: the whole map
 * @property {string[]} children  items, and groups as "id/"
 * @property {Map<string, {from: string, to: string, source: string}>} edges  by a key of their own
 * @property {Set<string>} entries  items outside that it reads
 * @property {Set<string>} exits  items inside that are read outside
 *
 * @typedef {object} PlacedLevel
 * @property {number} width
 * @property {number} height
 * @property {Map<string, MapBox>} boxes  of the children
 * @property {Map<string, MapPoint[]>} routes  of the edges
 * @property {Map<string, number>} entries  how high each port is, from the top of the frame
 * @property {Map<string, number>} exits
 */

/** A group among the children of a level: a module and an operation may be called the same. @param {string} id */
const boxed = (id) => `${id}/`;
/** @param {string} from @param {string} to @param {string} source */
const edgeKey = (from, to, source) => `${from}\n${to}\n${source}`;

/**
 * @param {LayoutRequest} request
 * @param {LayOutFlat} layOutFlat
 * @param {(done: number, all: number) => void} [onProgress]  groups
 * @returns {LayoutAnswer}
 */
export function layOut(request, layOutFlat, onProgress = () => {}) {
  const { levels, pathOf } = levelsOf(request);
  const sizes = new Map(request.items.map(({ id, width, height }) => [id, { width, height }]));
  /** @type {Map<string | null, PlacedLevel>} */
  const placed = new Map();
  /** @type {Map<string, FlatLayout>} */
  const alike = new Map();
  // Outer groups come before inner ones: from the end, every group finds those within it done.
  const order = [...request.groups.map(({ id }) => id).reverse(), null];
  order.forEach((id, index) => {
    const level = /** @type {Level} */ (levels.get(id));
    const result = placeLevel(level, sizes, placed, layOutFlat, alike);
    placed.set(id, result);
    if (id !== null) sizes.set(boxed(id), result);
    onProgress(index + 1, order.length);
  });
  return assemble(request, levels, placed, pathOf);
}

/** @param {LayoutRequest} request */
function levelsOf({ items, groups, connections }) {
  /** @type {Map<string | null, Level>} */
  const levels = new Map([null, ...groups.map(({ id }) => id)].map((id) => [id, { id, children: [], edges: new Map(), entries: new Set(), exits: new Set() }]));
  const parents = new Map(groups.map(({ id, parent }) => [id, parent]));
  const homes = new Map(items.map(({ id, parent }) => [id, parent]));
  const added = new Set();
  /** A group stands where the first of its items does. @param {string} child @param {string | null} parent */
  const add = (child, parent) => {
    if (added.has(child)) return;
    added.add(child);
    if (parent !== null) add(boxed(parent), parents.get(parent) ?? null);
    levels.get(parent)?.children.push(child);
  };
  for (const { id, parent } of items) add(id, parent);
  /** The groups around an item, innermost first, then the whole. @param {string} id @returns {(string | null)[]} */
  const pathOf = (id) => {
    /** @type {(string | null)[]} */
    const path = [];
    for (let group = homes.get(id) ?? null; group !== null; group = parents.get(group) ?? null) path.push(group);
    return [...path, null];
  };
  for (const { from, to } of connections) {
    const { out, into, common, start, end } = crossing(pathOf(from), pathOf(to), from, to);
    out.forEach((group, depth) => {
      const level = /** @type {Level} */ (levels.get(group));
      level.exits.add(from);
      addEdge(level, depth === 0 ? from : boxed(/** @type {string} */ (out[depth - 1])), `>${from}`, from);
    });
    addEdge(/** @type {Level} */ (levels.get(common)), start, end, from);
    into.forEach((group, depth) => {
      const level = /** @type {Level} */ (levels.get(group));
      level.entries.add(from);
      addEdge(level, `<${from}`, depth === 0 ? to : boxed(/** @type {string} */ (into[depth - 1])), from);
    });
  }
  return { levels, pathOf };
}

/** @param {Level} level @param {string} from @param {string} to @param {string} source */
function addEdge(level, from, to, source) {
  level.edges.set(edgeKey(from, to, source), { from, to, source });
}

/**
 * Which frames a connection crosses: out of those, innermost first; into these, innermost first;
 * and where both ends are in one level.
 *
 * @param {(string | null)[]} outs  groups around its start
 * @param {(string | null)[]} ins  groups around its end
 * @param {string} from
 * @param {string} to
 */
function crossing(outs, ins, from, to) {
  const common = /** @type {string | null} */ (outs.find((group) => ins.includes(group)));
  const out = outs.slice(0, outs.indexOf(common));
  const into = ins.slice(0, ins.indexOf(common));
  const last = out.at(-1);
  const first = into.at(-1);
  return { out, into, common, start: typeof last === "string" ? boxed(last) : from, end: typeof first === "string" ? boxed(first) : to };
}

/**
 * @param {Level} level
 * @param {Map<string, Size>} sizes
 * @param {Map<string | null, PlacedLevel>} placed
 * @param {LayOutFlat} layOutFlat
 * @param {Map<string, FlatLayout>} alike  layouts by what was laid out
 * @returns {PlacedLevel}
 */
function placeLevel(level, sizes, placed, layOutFlat, alike) {
  const entries = [...level.entries];
  const exits = [...level.exits];
  const names = [...level.children, ...entries.map((source) => `<${source}`), ...exits.map((source) => `>${source}`)];
  const places = new Map(names.map((name, index) => [name, index]));
  const inner = level.children.length;
  const boxSizes = names.map((name, index) => (index < inner ? /** @type {Size} */ (sizes.get(name)) : { width: 1, height: 12 }));
  const edges = [...level.edges.values()];
  /** @type {FlatEdge[]} */
  const flat = edges.map(({ from, to }) => ({ from: /** @type {number} */ (places.get(from)), to: /** @type {number} */ (places.get(to)) }));
  // Ports stay at the two ends: what pulls them there is stronger than what reads them.
  const [left, right] = [names.length, names.length + 1];
  const pulled = [...boxSizes];
  if (entries.length + exits.length > 0) pulled.push({ width: 1, height: 1 }, { width: 1, height: 1 });
  entries.forEach((_, index) => flat.push({ from: left, to: inner + index, weight: 50 }));
  exits.forEach((_, index) => flat.push({ from: inner + entries.length + index, to: right, weight: 50 }));
  const key = JSON.stringify([pulled.map(({ width, height }) => [width, height]), flat]);
  const layout = alike.get(key) ?? layOutFlat(pulled, flat);
  alike.set(key, layout);

  const held = layout.boxes.slice(0, inner);
  // Routes may run beside everything that is held.
  const heights = layout.routes.slice(0, edges.length).flatMap((points) => points.map(({ y }) => y));
  const x = Math.min(...held.map((box) => box.x));
  const y = Math.min(...held.map((box) => box.y), ...heights);
  const stopX = Math.max(...held.map((box) => box.x + box.width));
  const stopY = Math.max(...held.map((box) => box.y + box.height), ...heights);
  const room = level.id === null ? { side: MARGIN, top: MARGIN, bottom: MARGIN } : FRAME;
  const [moveX, moveY] = [room.side - x, room.top - y];
  const width = stopX - x + 2 * room.side;
  /** @type {PlacedLevel} */
  const result = {
    width,
    height: stopY - y + room.top + room.bottom,
    boxes: new Map(level.children.map((name, index) => [name, { ...held[index], x: held[index].x + moveX, y: held[index].y + moveY }])),
    routes: new Map(),
    entries: new Map(entries.map((source, index) => [source, layout.boxes[inner + index].y + 6 + moveY])),
    exits: new Map(exits.map((source, index) => [source, layout.boxes[inner + entries.length + index].y + 6 + moveY])),
  };
  const ranks = rankWidths(layout.boxes.slice(0, inner));
  edges.forEach(({ from, to, source }, index) => {
    const points = layout.routes[index].slice(1, -1).flatMap((point) => beside(point, ranks)).map((point) => ({ x: point.x + moveX, y: point.y + moveY }));
    const start = from.startsWith("<") && level.entries.has(source) && from === `<${source}` ? { x: 0, y: /** @type {number} */ (result.entries.get(source)) } : endOf(from, source, result.boxes, placed, "exits");
    const end = to === `>${source}` && level.exits.has(source) ? { x: width, y: /** @type {number} */ (result.exits.get(source)) } : endOf(to, source, result.boxes, placed, "entries");
    const between = points.filter((point) => point.x > start.x && point.x < end.x);
    result.routes.set(edgeKey(from, to, source), [start, ...between, end]);
  });
  return result;
}

/** How wide the boxes of a column are, by the middle of the column. @param {MapBox[]} boxes */
function rankWidths(boxes) {
  /** @type {Map<number, number>} */
  const widths = new Map();
  for (const { x, width } of boxes) {
    const middle = Math.round(x + width / 2);
    widths.set(middle, Math.max(width, widths.get(middle) ?? 0));
  }
  return widths;
}

/**
 * A route passes the boxes of a column straight, and bends between columns.
 *
 * @param {MapPoint} point  where it passes a column, in its middle
 * @param {Map<number, number>} widths
 * @returns {MapPoint[]}
 */
function beside({ x, y }, widths) {
  const width = widths.get(Math.round(x)) ?? 0;
  return width > 0 ? [{ x: x - width / 2, y }, { x: x + width / 2, y }] : [{ x, y }];
}

/**
 * Where a route meets a child: in the middle of an item's side, or at a group's port.
 *
 * @param {string} child
 * @param {string} source
 * @param {Map<string, MapBox>} boxes
 * @param {Map<string | null, PlacedLevel>} placed
 * @param {"entries" | "exits"} side
 * @returns {MapPoint}
 */
function endOf(child, source, boxes, placed, side) {
  const box = /** @type {MapBox} */ (boxes.get(child));
  const port = child.endsWith("/") ? placed.get(child.slice(0, -1))?.[side].get(source) : undefined;
  return { x: side === "exits" ? box.x + box.width : box.x, y: box.y + (port ?? box.height / 2) };
}

/** Ports closer than this to what comes before or after them would make a wire tremble. */
const CALM = 40;

/**
 * The parts of a route as one. Where it passes from frame to frame a port is a bend only where
 * there is room for one.
 *
 * @param {MapPoint[][]} parts
 */
function joined(parts) {
  const points = parts.flatMap((part, order) => part.map((point, index) => ({ point, port: (index === 0 && order > 0) || (index === part.length - 1 && order < parts.length - 1) })));
  /** @type {MapPoint[]} */
  const kept = [];
  points.forEach(({ point, port }, index) => {
    const before = kept.at(-1);
    const next = points.slice(index + 1).find((other) => !other.port)?.point;
    const close = (before && point.x - before.x < CALM) || (next && next.x - point.x < CALM);
    if (!(port && close)) kept.push(point);
  });
  return kept;
}

/**
 * @param {LayoutRequest} request
 * @param {Map<string | null, Level>} levels
 * @param {Map<string | null, PlacedLevel>} placed
 * @param {(id: string) => (string | null)[]} pathOf
 * @returns {LayoutAnswer}
 */
function assemble(request, levels, placed, pathOf) {
  const whole = /** @type {PlacedLevel} */ (placed.get(null));
  /** @type {Map<string, MapBox>} */
  const groups = new Map();
  /** @type {Map<string, MapBox>} */
  const items = new Map();
  /** @param {string | null} group */
  const origin = (group) => (group === null ? { x: 0, y: 0 } : /** @type {MapBox} */ (groups.get(group)));
  for (const id of [null, ...request.groups.map((group) => group.id)]) {
    const { x, y } = origin(id);
    for (const [name, box] of placed.get(id)?.boxes ?? []) {
      const there = { ...box, x: box.x + x, y: box.y + y };
      if (levels.has(name.slice(0, -1)) && name.endsWith("/")) groups.set(name.slice(0, -1), there);
      else items.set(name, there);
    }
  }
  const connections = request.connections.map(({ from, to }) => {
    const { out, into, common, start, end } = crossing(pathOf(from), pathOf(to), from, to);
    /** @param {string | null} group @param {string} first @param {string} last */
    const part = (group, first, last) => {
      const { x, y } = origin(group);
      return (placed.get(group)?.routes.get(edgeKey(first, last, from)) ?? []).map((point) => ({ x: point.x + x, y: point.y + y }));
    };
    const parts = [
      ...out.map((group, depth) => part(group, depth === 0 ? from : boxed(/** @type {string} */ (out[depth - 1])), `>${from}`)),
      part(common, start, end),
      ...into.toReversed().map((group) => {
        const depth = into.indexOf(group);
        return part(group, `<${from}`, depth === 0 ? to : boxed(/** @type {string} */ (into[depth - 1])));
      }),
    ];
    return { from, to, points: joined(parts) };
  });
  return { id: request.id, width: whole.width, height: whole.height, items, groups, connections };
}
