import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const ROOT = new URL("../../static/js/", import.meta.url);
const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
/** @param {string} name */
const source = (name) => readFileSync(new URL(name, ROOT), "utf8");
/** @param {string} name */
const imports = (name) =>
  [...source(name).matchAll(/^(?:import|export)\b[^;]*?from "([^"]+)"|^import "([^"]+)"/gm)].map(([, from, bare]) => {
    const { href } = new URL(from ?? bare, new URL(name, ROOT));
    return href.startsWith(ROOT.href) ? href.slice(ROOT.href.length) : href;
  });

test("imports run from controllers to views to core", () => {
  assert.ok(files.length > 30);
  for (const name of files) {
    for (const target of imports(name)) {
      // Of the libraries, only workers use any: what is slow does not belong on the page's own thread.
      if (name.startsWith("workers/") && /^(?:file:\/\/)?\/static\/vendor\//.test(target)) continue;
      assert.ok(files.includes(target), `${name} imports ${target}, which does not exist`);
      if (name.startsWith("core/")) assert.match(target, /^core\//, `${name} imports ${target}`);
      if (name.startsWith("views/")) assert.match(target, /^(views|core)\/|^storage\.js$/, `${name} imports ${target}`);
    }
  }
});

test("only api/ asks the server, and core touches no page", () => {
  for (const name of files) {
    const code = source(name).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    if (name !== "api/request.js") assert.doesNotMatch(code, /\bfetch\s*\(|XMLHttpRequest|sendBeacon/, name);
    if (name !== "api/live.js") assert.doesNotMatch(code, /\bWebSocket\b/, name);
    if (name.startsWith("core/")) assert.doesNotMatch(code, /\b(document|window|navigator|localStorage)\b/, name);
    assert.doesNotMatch(code, /https?:\/\/(?!www\.w3\.org\/2000\/svg)/, `${name} names another origin`);
    assert.doesNotMatch(code, /innerHTML|insertAdjacentHTML|\beval\(/, `${name} makes markup of text`);
  }
});
