/** What the template says of the page's model. @import {BenchModel} from "./bench.js" */
import { byId } from "../views/dom.js";

/** @returns {BenchModel & {input: "doodle" | "image" | "example", examples: number}} */
export function pageModel() {
  const { model = "", topK, silence = "", input, examples, leastProbability } = byId("main", HTMLElement).dataset;
  return {
    name: model,
    categories: JSON.parse(byId("category-list", HTMLScriptElement).textContent ?? "[]"),
    topK: Number(topK),
    silence,
    leastProbability: Number(leastProbability || 0),
    input: input === "image" || input === "example" ? input : "doodle",
    examples: Number(examples),
  };
}
