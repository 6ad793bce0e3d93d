// Small helpers: elements, and how times, money and documents are written.

/** An element with properties (`class`, `text`, `on…` or attributes) and children, which may be texts or null. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const TIME = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** A moment to the millisecond, with its day if that is not today. */
export function moment(time) {
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  return today ? TIME.format(date) : `${DAY.format(date)}, ${TIME.format(date)}`;
}

/** A span of time: `6 ms`, `2.4 s`, `3 min`. */
export function span(milliseconds) {
  if (milliseconds < 1_000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 100_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  if (milliseconds < 6_000_000) return `${Math.round(milliseconds / 60_000)} min`;
  return `${Math.round(milliseconds / 3_600_000)} h`;
}

/** Amounts are exact decimals, and stay texts: a number would round them. */
export function money(value) {
  return value ? `${value.amount} ${value.currency}` : "";
}

export const STATUS = {
  RECEIVED: "Received",
  PARTIALLY_FULFILLED: "Partly fulfilled",
  FULFILLED: "Fulfilled",
  NEEDS_ATTENTION: "Needs attention",
};

export function badge(status) {
  return h("span", { class: "badge", "data-status": status, text: STATUS[status] });
}

export function title(order) {
  return order.reference ?? `Order ${order.id.slice(0, 8)}`;
}

/** Why somebody must look at it: what cannot be read, and why it was refused last. */
export function reasons(order) {
  const refusal = (order.changes ?? []).findLast((change) => change.kind === "REFUSED");
  const refused = refusal && order.status === "NEEDS_ATTENTION";
  return [...order.problems, ...(refused ? [`refused by the warehouse: ${refusal.reason ?? "it gave no reason"}`] : [])];
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|([{}[\],])|([^\s{}[\],:"]+)/g;
const MOST_COLOURED = 30_000;

/**
 * A document laid out line by line. Its tokens stay as they came, as `1.10` and `1e400` would not if they were parsed.
 */
export function laidOut(text) {
  if (text.length > MOST_COLOURED) return [text];
  const parts = [];
  let [depth, open] = [0, false];
  const newLine = () => parts.push(`\n${"  ".repeat(Math.min(depth, 30))}`);
  for (const [, string, colon, mark, word] of text.matchAll(TOKEN)) {
    if (mark === "}" || mark === "]") {
      depth -= 1;
      if (!open) newLine();
    } else if (open) {
      newLine();
    }
    open = mark === "{" || mark === "[";
    if (open) depth += 1;
    if (mark) parts.push(mark);
    else parts.push(h("span", { class: colon ? "key" : string ? "string" : "word", text: string ?? word }));
    if (colon) parts.push(": ");
    if (mark === ",") newLine();
  }
  return parts;
}
