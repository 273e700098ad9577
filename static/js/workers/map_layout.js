/**
 * Lays maps out, beside the page's own thread: dagre, from left to right, groups as frames.
 *
 * @import {LayoutAnswer, LayoutRequest} from "../core/map_view.js"
 */
import { graphlib, layout } from "/static/vendor/dagre/dagre.esm.js";

self.addEventListener("message", (/** @type {MessageEvent<LayoutRequest>} */ event) => {
  const { id, items, groups, connections } = event.data;
  const graph = new graphlib.Graph({ compound: true });
  graph.setGraph({ rankdir: "LR", nodesep: 26, ranksep: 44, edgesep: 14, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const group of groups) graph.setNode(framed(group.id), {});
  for (const group of groups) if (group.parent !== null) graph.setParent(framed(group.id), framed(group.parent));
  for (const { id: name, width, height, parent } of items) {
    graph.setNode(name, { width, height });
    if (parent !== null) graph.setParent(name, framed(parent));
  }
  for (const { from, to } of connections) graph.setEdge(from, to, {});
  layout(graph);
  /** @param {string} name */
  const box = (name) => {
    const { x, y, width, height } = graph.node(name);
    return { x: x - width / 2, y: y - height / 2, width, height };
  };
  const { width, height } = graph.graph();
  /** @type {LayoutAnswer} */
  const answer = {
    id,
    width: width ?? 0,
    height: height ?? 0,
    items: new Map(items.map(({ id: name }) => [name, box(name)])),
    groups: new Map(groups.map((group) => [group.id, box(framed(group.id))])),
    connections: connections.map(({ from, to }) => ({ from, to, points: graph.edge(from, to).points })),
  };
  self.postMessage(answer);
});

/** A group's name in the graph: a module and an operation may be called the same. @param {string} id */
function framed(id) {
  return `${id}/`;
}
