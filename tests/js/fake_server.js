/** The other end: what the page sends is kept, and a test answers. */
export class Server {
  /** @type {Server} */
  static last;
  /** @type {any[]} */
  sent = [];
  /** @type {() => void} */
  onopen = () => {};
  /** @type {(event: {data: string | ArrayBuffer}) => void} */
  onmessage = () => {};
  /** @type {(event: {code: number}) => void} */
  onclose = () => {};

  constructor() {
    Server.last = this;
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {}

  /** @param {object} message */
  tell(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  /** @param {number} sequence @param {string} label */
  guess(sequence, label) {
    this.tell({ type: "prediction", sequence, predictions: [{ label, probability: 1, logit: 1 }] });
  }

  /** @param {number} sequence @param {number} frames */
  inspect(sequence, frames = 0) {
    this.tell({ type: "inspection", sequence, frames, manifest: { id: `of ${sequence}`, input: { image: [], picture: null }, layers: [] } });
  }

  /** @param {number} sequence @param {string} name */
  frame(sequence, name) {
    const layer = { name, shape: [1, 1, 1], offset: 0 };
    const header = new TextEncoder().encode(JSON.stringify({ inspection: `of ${sequence}`, sequence, layers: [layer] }));
    const data = new Uint8Array(8 + header.length + 1);
    data.set(new TextEncoder().encode("DSA1"));
    new DataView(data.buffer).setUint32(4, header.length, true);
    data.set(header, 8);
    this.onmessage({ data: data.buffer });
  }

  /** @param {number | null} sequence @param {number} status */
  refuse(sequence, status) {
    this.tell({ type: "problem", sequence, retry_after: null, problem: { status, detail: "no" } });
  }
}

Object.assign(globalThis, {
  window: globalThis,
  addEventListener: () => {},
  location: { href: "http://127.0.0.1/" },
  WebSocket: Server,
});
Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });
