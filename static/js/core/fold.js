/** Folding a network's operations into the modules that hold them. @import {LayerNode} from "./types.js" */

/**
 * Consecutive operations within one module: one run of it. Folding such a run never makes a cycle,
 * since the operations are in the order in which they ran.
 *
 * @typedef {object} Group
 * @property {string} id  path of the module, and which of its runs where there are several: "stage1", "shared#2"
 * @property {string} path
 * @property {number} first  index of its first operation
 * @property {number} last  index after its last one
 * @property {(Group | number)[]} children  groups and single operations, in order
 *
 * @typedef {object} MapItem  What stands on the map: an operation, or a folded group.
 * @property {string} id  name of the operation, or id of the group
 * @property {LayerNode} node  the operation, or the group's last one: what the group gives
 * @property {Group | null} group
 * @property {number} layers  operations that it stands for
 * @property {string[]} within  ids of the unfolded groups that hold it, outermost first
 *
 * @typedef {{from: string, to: string}} Connection
 */

/** Most items of a map when it is first shown. */
export const MOST_AT_FIRST = 24;

/** @param {string} name */
const parts = (name) => name.replace(/@\d+$/, "").split(".");

/**
 * The network as a tree of groups. A module with one operation is no group.
 *
 * @param {LayerNode[]} nodes  in order of execution
 * @returns {Group} the whole network, with the id ""
 */
export function groupTree(nodes) {
  const paths = nodes.map(({ name }) => parts(name).slice(0, -1));
  /** @type {Map<string, number>} */
  const runs = new Map();
  /** @param {string} path @param {number} first @param {number} last @param {number} depth @returns {Group} */
  const build = (path, first, last, depth) => {
    const run = (runs.get(path) ?? 0) + 1;
    runs.set(path, run);
    /** @type {(Group | number)[]} */
    const children = [];
    for (let index = first; index < last; ) {
      const part = paths[index][depth];
      let end = index + 1;
      while (part !== undefined && end < last && paths[end][depth] === part) end += 1;
      if (end - index < 2) children.push(index);
      else children.push(build(path ? `${path}.${part}` : part, index, end, depth + 1));
      index = end;
    }
    const only = children[0];
    // A module that holds nothing but another one is shown as that one.
    if (path && children.length === 1 && typeof only === "object") return only;
    return { id: run > 1 ? `${path}#${run}` : path, path, first, last, children };
  };
  return build("", 0, nodes.length, 0);
}

/**
 * Every group of a tree but the whole, outer ones before inner ones.
 *
 * @param {Group} tree
 * @returns {Group[]}
 */
export function groupsIn(tree) {
  return tree.children.flatMap((child) => (typeof child === "number" ? [] : [child, ...groupsIn(child)]));
}

/**
 * Which groups to unfold at first: whole levels, from the outside, while the map stays legible.
 *
 * @param {Group} tree
 * @param {number} [most]
 * @returns {Set<string>}
 */
export function unfoldedAtFirst(tree, most = MOST_AT_FIRST) {
  /** @type {Set<string>} */
  const unfolded = new Set();
  let shown = tree.children.length;
  let level = tree.children.filter((child) => typeof child === "object");
  while (level.length > 0) {
    const more = level.reduce((sum, group) => sum + group.children.length - 1, 0);
    if (shown + more > most) break;
    shown += more;
    for (const { id } of level) unfolded.add(id);
    level = level.flatMap(({ children }) => children.filter((child) => typeof child === "object"));
  }
  return unfolded;
}

/**
 * The items of a map and what connects them.
 *
 * @param {LayerNode[]} nodes
 * @param {Group} tree
 * @param {Set<string>} unfolded  ids of groups
 * @returns {{items: MapItem[], connections: Connection[]}} connections from "input" too; none twice
 */
export function foldedMap(nodes, tree, unfolded) {
  /** @type {MapItem[]} */
  const items = [];
  /** @type {Map<string, string>} the item that shows an operation */
  const shownBy = new Map();
  /** @param {Group} group @param {string[]} within */
  const visit = (group, within) => {
    for (const child of group.children) {
      if (typeof child === "object" && unfolded.has(child.id)) {
        visit(child, [...within, child.id]);
        continue;
      }
      const [first, last] = typeof child === "number" ? [child, child + 1] : [child.first, child.last];
      const node = nodes[last - 1];
      const id = typeof child === "number" ? node.name : child.id;
      items.push({ id, node, group: typeof child === "number" ? null : child, layers: last - first, within });
      for (let index = first; index < last; index += 1) shownBy.set(nodes[index].name, id);
    }
  };
  visit(tree, []);
  /** @type {Map<string, Connection>} */
  const connections = new Map();
  for (const { name, inputs } of nodes) {
    const to = shownBy.get(name) ?? name;
    for (const input of inputs) {
      const from = shownBy.get(input) ?? input;
      if (from !== to) connections.set(`${from}\n${to}`, { from, to });
    }
  }
  return { items, connections: [...connections.values()] };
}

/**
 * The groups to unfold so that an operation stands on the map by itself.
 *
 * @param {Group} tree
 * @param {number} index  of the operation
 * @returns {string[]} ids, outermost first
 */
export function groupsAround(tree, index) {
  for (const child of tree.children) {
    if (typeof child === "object" && child.first <= index && index < child.last) return [child.id, ...groupsAround(child, index)];
  }
  return [];
}
