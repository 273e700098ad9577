/**
 * Part of the page as a picture. A copy whose elements carry the styles that they were shown with is
 * put into an SVG picture, which the browser draws; canvases go along as they are painted.
 */
import { context2d, html } from "./dom.js";

const XHTML = "http://www.w3.org/1999/xhtml";
const SVG = "http://www.w3.org/2000/svg";

/** What elements take from those around them: copied where it differs. */
const INHERITED = [
  "color", "direction", "fill", "fill-opacity", "fill-rule", "font-family", "font-feature-settings", "font-size", "font-style", "font-variant-numeric", "font-weight",
  "letter-spacing", "line-height", "list-style-type", "overflow-wrap", "stroke", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "stroke-opacity", "stroke-width", "text-align",
  "text-anchor", "text-indent", "text-transform", "visibility", "white-space", "word-break", "word-spacing", "border-collapse", "border-spacing", "image-rendering",
];

/** What they do not, with what a bare element has: copied where it differs from that. */
const OWN = Object.freeze({
  "align-content": "normal", "align-items": "normal", "align-self": "auto", "aspect-ratio": "auto", "background-color": "rgba(0, 0, 0, 0)", "background-image": "none", "background-position": "0% 0%",
  "background-repeat": "repeat", "background-size": "auto", "border-bottom-color": "", "border-bottom-left-radius": "0px", "border-bottom-right-radius": "0px", "border-bottom-style": "none",
  "border-bottom-width": "", "border-left-color": "", "border-left-style": "none", "border-left-width": "", "border-right-color": "", "border-right-style": "none", "border-right-width": "",
  "border-top-color": "", "border-top-left-radius": "0px", "border-top-right-radius": "0px", "border-top-style": "none", "border-top-width": "", bottom: "auto", "box-shadow": "none",
  "box-sizing": "content-box", "clip-path": "none", "column-gap": "normal", "flex-basis": "auto", "flex-direction": "row", "flex-grow": "0", "flex-shrink": "1", "flex-wrap": "nowrap",
  "grid-auto-flow": "row", "grid-column-end": "auto", "grid-column-start": "auto", "grid-row-end": "auto", "grid-row-start": "auto", "grid-template-areas": "none", "grid-template-columns": "none", "grid-template-rows": "none",
  "justify-content": "normal", "justify-items": "normal", "justify-self": "auto", left: "auto", "margin-bottom": "0px", "margin-left": "0px", "margin-right": "0px", "margin-top": "0px",
  "object-fit": "fill", opacity: "1", order: "0", "outline-color": "", "outline-offset": "0px", "outline-style": "none", "outline-width": "0px", "overflow-x": "visible", "overflow-y": "visible",
  "padding-bottom": "0px", "padding-left": "0px", "padding-right": "0px", "padding-top": "0px", position: "static", right: "auto", rotate: "none", "row-gap": "normal", scale: "none",
  "text-decoration-line": "none", "text-overflow": "clip", top: "auto", transform: "none", "transform-origin": "", translate: "none", "vertical-align": "baseline", "vector-effect": "none", "z-index": "auto",
});

/** Properties of one's own that mean nothing without another. @type {Record<string, string>} */
const ONLY_WITH = {
  "border-bottom-color": "border-bottom-style", "border-left-color": "border-left-style", "border-right-color": "border-right-style", "border-top-color": "border-top-style",
  "border-bottom-width": "border-bottom-style", "border-left-width": "border-left-style", "border-right-width": "border-right-style", "border-top-width": "border-top-style",
  "outline-color": "outline-style", "transform-origin": "transform",
};

/** What a picture has no use for: what is not seen, and what is there to be pressed. */
const LEFT_OUT = "script, style, template, dialog, .visually-hidden, .icon-button, .text-button, .map-mini";

/**
 * @param {HTMLElement} element  on the page, and seen
 * @param {number} scale  pixels of the picture for one of the page
 * @returns {Promise<HTMLCanvasElement>}
 * @throws {Error} if the browser cannot draw it
 */
export async function pictureOf(element, scale) {
  const box = element.getBoundingClientRect();
  const width = Math.ceil(box.width);
  const height = Math.ceil(Math.max(box.height, element.scrollHeight));
  const copy = copied(element, null);
  if (!(copy instanceof HTMLElement)) throw new Error("There is nothing to be seen there.");
  Object.assign(copy.style, { position: "static", margin: "0", width: `${width}px`, height: `${height}px`, inset: "auto", transform: "none", boxSizing: "border-box" });
  const page = document.createElementNS(XHTML, "div");
  const style = getComputedStyle(element.parentElement ?? element);
  for (const name of INHERITED) /** @type {HTMLElement} */ (page).style.setProperty(name, style.getPropertyValue(name));
  page.append(copy);
  const frame = document.createElementNS(SVG, "foreignObject");
  frame.setAttribute("width", "100%");
  frame.setAttribute("height", "100%");
  frame.append(page);
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("width", String(width));
  picture.setAttribute("height", String(height));
  picture.append(frame);
  return drawnSvg(new XMLSerializer().serializeToString(picture), width, height, scale);
}

/**
 * An SVG picture drawn on a canvas.
 *
 * @param {string} markup
 * @param {number} width
 * @param {number} height
 * @param {number} scale
 */
export async function drawnSvg(markup, width, height, scale) {
  const image = new Image(width, height);
  // An address of data, since browsers take pictures from others for foreign ones.
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(markup)}`;
  await image.decode();
  const canvas = html("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  context2d(canvas).drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/**
 * @param {Node} node
 * @param {CSSStyleDeclaration | null} around  the style of what holds it
 * @returns {Node | null}
 */
function copied(node, around) {
  if (node instanceof Text) return document.createTextNode(node.data);
  if (!(node instanceof HTMLElement || node instanceof SVGElement)) return null;
  const style = getComputedStyle(node);
  if (style.display === "none" || (node instanceof HTMLElement && node.matches(LEFT_OUT))) return null;
  const copy = bare(node, style);
  copyStyle(/** @type {HTMLElement | SVGElement} */ (copy), style, around, node instanceof HTMLElement || isPicture(node));
  const before = node instanceof HTMLElement ? generated(node, "::before", style) : null;
  const after = node instanceof HTMLElement ? generated(node, "::after", style) : null;
  if (before) copy.append(before);
  if (!(node instanceof HTMLCanvasElement || node instanceof HTMLInputElement || node instanceof HTMLSelectElement)) {
    for (const child of node instanceof HTMLDetailsElement && !node.open ? node.querySelectorAll(":scope > summary") : node.childNodes) {
      const inner = copied(child, style);
      if (inner) copy.append(inner);
    }
  }
  if (after) copy.append(after);
  return copy;
}

/** Whether it is a whole SVG picture, which has a size as boxes have. @param {SVGElement} node */
function isPicture(node) {
  return node instanceof SVGSVGElement && node.ownerSVGElement === null;
}

/** An element without styles of its kind that stands for another. @param {HTMLElement | SVGElement} node @param {CSSStyleDeclaration} style */
function bare(node, style) {
  if (node instanceof SVGElement) {
    const copy = /** @type {SVGElement} */ (node.cloneNode(false));
    copy.removeAttribute("class");
    copy.removeAttribute("style");
    return copy;
  }
  if (node instanceof HTMLCanvasElement) return image(node.width > 0 && node.height > 0 ? node.toDataURL() : "");
  if (node instanceof HTMLImageElement) return image(drawnImage(node));
  const copy = html("div");
  if (node instanceof HTMLInputElement && ["checkbox", "radio"].includes(node.type)) copy.textContent = node.checked ? "✓" : "";
  else if (node instanceof HTMLInputElement && node.type !== "range") copy.textContent = node.value || node.placeholder;
  else if (node instanceof HTMLSelectElement) copy.textContent = node.selectedOptions[0]?.textContent ?? "";
  if (style.display === "list-item") copy.style.display = "block";
  return copy;
}

/** @param {string} address */
function image(address) {
  const copy = html("img");
  if (address) copy.setAttribute("src", address);
  return copy;
}

/** @param {HTMLImageElement} source */
function drawnImage(source) {
  if (!source.complete || source.naturalWidth === 0) return "";
  const canvas = html("canvas", { width: source.naturalWidth, height: source.naturalHeight });
  context2d(canvas).drawImage(source, 0, 0);
  return canvas.toDataURL();
}

/**
 * @param {HTMLElement | SVGElement} copy
 * @param {CSSStyleDeclaration} style
 * @param {CSSStyleDeclaration | null} around
 * @param {boolean} sized  whether it is a box
 */
function copyStyle(copy, style, around, sized) {
  for (const name of INHERITED) {
    const value = style.getPropertyValue(name);
    if (value && value !== around?.getPropertyValue(name)) copy.style.setProperty(name, value);
  }
  for (const [name, usual] of Object.entries(OWN)) {
    const value = style.getPropertyValue(name);
    const other = ONLY_WITH[name];
    const idle = other !== undefined && style.getPropertyValue(other) === "none";
    if (!value || value === usual || idle) continue;
    // A picture does not scroll.
    copy.style.setProperty(name, name.startsWith("overflow") ? "hidden" : value);
  }
  // Browsers cut what leaves an SVG picture, where nothing else is said.
  if (copy instanceof SVGElement && style.overflowX === "visible") copy.style.overflow = "visible";
  const { display } = style;
  copy.style.display = display === "list-item" ? "block" : display;
  if (!sized || (display === "inline" && !(copy instanceof SVGElement)) || display === "contents") return;
  // As wide as it was, so that no line breaks elsewhere.
  for (const name of ["width", "height"]) if (style.getPropertyValue(name) !== "auto") copy.style.setProperty(name, style.getPropertyValue(name));
}

/**
 * What a style sheet puts before or after the content of an element.
 *
 * @param {HTMLElement} element
 * @param {"::before" | "::after"} which
 * @param {CSSStyleDeclaration} around
 */
function generated(element, which, around) {
  const style = getComputedStyle(element, which);
  const { content, display } = style;
  if (content === "none" || content === "normal" || display === "none") return null;
  const copy = html("div");
  const words = /^"((?:[^"\\]|\\.)*)"/.exec(content);
  copy.textContent = words ? words[1].replace(/\\(.)/g, "$1") : "";
  copyStyle(copy, style, around, true);
  return copy;
}
