/**
 * Lays maps out, beside the page's own thread.
 *
 * @import {LayoutRequest} from "../core/map_view.js"
 */
import { graphlib, layout } from "/static/vendor/dagre/dagre.esm.js";
import { flatWith, layOut } from "../core/map_layout.js";

/** Milliseconds between two words on how far it is. */
const PAUSE = 100;

self.addEventListener("message", (/** @type {MessageEvent<LayoutRequest>} */ event) => {
  let told = performance.now();
  const answer = layOut(event.data, flatWith({ graphlib, layout }), (done, all) => {
    if (performance.now() - told < PAUSE) return;
    told = performance.now();
    self.postMessage({ id: event.data.id, done, all });
  });
  self.postMessage({ id: event.data.id, answer });
});
