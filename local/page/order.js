// One order: its document as it came, the changes since, and what both mean, now or at an earlier moment.

import { badge, h, laidOut, money, moment, reasons, span, title } from "./html.js";

/** Steps of the slider between two things that happened, however far apart they are. */
const STEPS = 20;

const KINDS = { ACCEPTED: "Accepted", FULFILLED: "Fulfilled", REFUSED: "Refused", NOT_UNDERSTOOD: "Not understood" };

export class OrderView {
  #order;
  #stops = [];
  #readAsOf;
  #reading = 0;
  #asOf = null;
  #then = null;
  #told = null;
  #verbatim = false;
  #shownDocument = null;

  #title = h("h2", { id: "detail-title" });
  #status = h("span", {});
  #facts = h("p", { class: "facts" });
  #slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Show the order as of", oninput: () => this.#slide() });
  #marks = h("div", { class: "marks" });
  #moment = h("output", { class: "moment" });
  #document = h("pre", { class: "code", tabindex: "0", "aria-label": "The document" });
  #changes = h("ol", { class: "changes" });
  #meaning = h("div", {});
  #error = h("p", { class: "error", role: "alert" });

  /** `readAsOf(id, asOf)` reads an order as it stood. */
  constructor(element, readAsOf) {
    this.#readAsOf = readAsOf;
    const verbatim = h("input", { type: "checkbox", onchange: (event) => {
      this.#verbatim = event.target.checked;
      this.#drawDocument(true);
    } });
    element.append(
      h("div", { class: "card head" },
        h("div", { class: "title" }, this.#title, this.#status),
        this.#facts,
        h("div", { class: "time" }, this.#moment, this.#slider, this.#marks)),
      h("div", { class: "sum" },
        h("section", { class: "card document", "aria-labelledby": "document-title" },
          h("div", { class: "title" },
            h("h3", { id: "document-title", text: "As it came" }),
            h("label", { class: "check" }, verbatim, "byte for byte")),
          this.#document),
        h("span", { class: "sign plus", "aria-hidden": "true", text: "+" }),
        h("section", { class: "card", "aria-labelledby": "changes-title" },
          h("h3", { id: "changes-title", text: "What happened since" }), this.#changes),
        h("span", { class: "sign equals", "aria-hidden": "true", text: "=" }),
        h("section", { class: "card meaning", "aria-labelledby": "meaning-title" },
          h("h3", { id: "meaning-title", text: "What it means" }), this.#error, this.#meaning)));
  }

  get id() {
    return this.#order?.id;
  }

  /** Shows an order, or what is new about it. The slider stays where it is unless the order is another one. */
  show(order, told = null) {
    const other = this.#order?.id !== order.id;
    const live = other || this.#asOf === null;
    this.#order = order;
    if (other) {
      this.#told = null;
      this.#reading += 1;
    }
    this.#told = told ?? this.#told;
    const times = (order.changes ?? []).map((change) => Date.parse(change.at));
    this.#stops = [...new Set([Date.parse(order.receivedAt), ...times])].sort((a, b) => a - b);
    this.#slider.max = this.#stops.length * STEPS;
    if (live) {
      this.#asOf = this.#then = null;
      this.#slider.value = this.#slider.max;
    } else {
      this.#slider.value = this.#positionOf(this.#asOf);
    }
    this.#draw();
  }

  /** The moment of a position: as many steps from one thing that happened to the next, and from the last one to now. */
  #momentAt(position) {
    if (position >= Number(this.#slider.max)) return null;
    const at = Math.floor(position / STEPS);
    const from = this.#stops[at];
    const to = this.#stops[at + 1] ?? Date.now();
    return Math.floor(from + ((to - from) * (position % STEPS)) / STEPS);
  }

  #positionOf(time) {
    const at = this.#stops.findLastIndex((stop) => stop <= time);
    const to = this.#stops[at + 1] ?? Date.now();
    const share = (time - this.#stops[at]) / Math.max(1, to - this.#stops[at]);
    return at * STEPS + Math.min(STEPS - 1, Math.ceil(share * STEPS));
  }

  #goTo(position) {
    this.#slider.value = position;
    this.#slide();
  }

  async #slide() {
    this.#asOf = this.#momentAt(Number(this.#slider.value));
    const reading = ++this.#reading;
    this.#error.textContent = "";
    if (this.#asOf === null) {
      this.#then = null;
      return this.#draw();
    }
    this.#drawMoment();
    // One request for where the slider comes to rest, not one for each step on the way.
    await new Promise((resolve) => setTimeout(resolve, 40));
    if (reading !== this.#reading) return;
    try {
      const then = await this.#readAsOf(this.#order.id, new Date(this.#asOf).toISOString());
      if (reading !== this.#reading) return;
      this.#then = then;
      this.#draw();
    } catch (error) {
      this.#error.textContent = error.message;
    }
  }

  #draw() {
    const now = this.#order;
    const shown = this.#asOf === null ? now : (this.#then ?? now);
    this.#title.textContent = title(now);
    this.#status.replaceChildren(badge(now.status));
    this.#facts.replaceChildren(...this.#factsOf(now));
    this.#drawMarks();
    this.#drawMoment();
    this.#drawDocument();
    this.#drawChanges();
    this.#meaning.replaceChildren(...meaning(shown));
    this.#meaning.parentElement.toggleAttribute("data-past", this.#asOf !== null);
  }

  #factsOf(order) {
    const facts = [h("code", { text: order.id }), ` received ${moment(order.receivedAt)}`];
    if (order.fulfilledAt) {
      facts.push(`, fulfilled ${span(Date.parse(order.fulfilledAt) - Date.parse(order.receivedAt))} later`);
    }
    if (this.#told !== null) facts.push(`; this page was told ${span(this.#told)} after the click`);
    return facts;
  }

  #drawMarks() {
    const names = new Map([[this.#stops[0], ["Received"]]]);
    for (const change of this.#order.changes ?? []) {
      const at = Date.parse(change.at);
      names.set(at, [...(names.get(at) ?? []), KINDS[change.kind]]);
    }
    const mark = (text, position) => h("button", { type: "button", class: "mark", text, onclick: () => this.#goTo(position) });
    const marks = this.#stops.map((stop, at) => mark(names.get(stop).join(", "), at * STEPS));
    marks.push(mark("Now", this.#stops.length * STEPS));
    // Drawn anew only if there is something new, so that a focused mark keeps the focus.
    const texts = (nodes) => nodes.map((node) => node.textContent).join("|");
    if (texts([...this.#marks.children]) !== texts(marks)) this.#marks.replaceChildren(...marks);
    [...this.#marks.children].forEach((button, at) => {
      button.toggleAttribute("data-past", Number(this.#slider.value) < at * STEPS);
    });
  }

  #drawMoment() {
    const text = this.#asOf === null ? "As of now" : `As of ${moment(this.#asOf)}`;
    this.#moment.textContent = text;
    this.#slider.setAttribute("aria-valuetext", text);
  }

  #drawDocument(anew = false) {
    const { document } = this.#order;
    if (!anew && document === this.#shownDocument) return;
    this.#shownDocument = document;
    const parts = document === null ? [h("span", { class: "hint", text: "reading…" })] : [document];
    this.#document.replaceChildren(...(document === null || this.#verbatim ? parts : laidOut(document)));
  }

  #drawChanges() {
    const { changes } = this.#order;
    if (!changes?.length) {
      this.#changes.replaceChildren(h("li", { class: "hint", text: "Nothing yet." }));
      return;
    }
    this.#changes.replaceChildren(...changes.map((change) => {
      const later = this.#asOf !== null && Date.parse(change.at) > this.#asOf;
      return h("li", { "data-kind": change.kind, "data-later": later },
        h("div", { class: "change" },
          h("b", { text: KINDS[change.kind] }),
          h("time", { datetime: change.at, text: moment(change.at) }),
          later ? h("span", { class: "hint", text: "not yet" }) : null),
        h("div", { class: "hint" }, h("code", { text: change.id }), change.reference ? ` · ${change.reference}` : null),
        change.reason ? h("div", { text: change.reason }) : null,
        change.lines.length
          ? h("ul", {}, change.lines.map(({ line, quantity }) => h("li", {}, `${quantity} of `, h("code", { text: line }))))
          : null);
    }));
  }
}

function meaning(order) {
  const why = reasons(order);
  const { customer, shippingAddress: address, lines } = order;
  const street = address && [address.name, ...address.lines, [address.postalCode, address.city].filter(Boolean).join(" "),
    address.region, address.country, address.phone].filter(Boolean);
  const facts = [
    ["Status", badge(order.status)],
    ["Read as", order.format ? h("code", { text: order.format }) : "nothing knows this shape yet"],
    order.reference && ["Reference", order.reference],
    customer && ["Customer", [customer.name, customer.email].filter(Boolean).join(", ")],
    street?.length && ["Deliver to", street.join(", ")],
    order.total && ["Total", money(order.total)],
    order.fulfilledAt && ["Fulfilled", moment(order.fulfilledAt)],
  ];
  return [
    why.length
      ? h("div", { class: "why", "data-status": order.status },
          h("b", { text: order.status === "NEEDS_ATTENTION" ? "Why it needs attention" : "What is not clear" }),
          h("ul", {}, why.map((text) => h("li", { text }))))
      : null,
    h("dl", {}, facts.filter(Boolean).map(([name, value]) => [h("dt", { text: name }), h("dd", {}, value)])),
    lines?.length ? table(lines) : null,
  ].filter(Boolean);
}

function table(lines) {
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {},
      h("th", { scope: "col", text: "Line" }), h("th", { scope: "col", text: "Price" }), h("th", { scope: "col", text: "Fulfilled" }))),
    h("tbody", {}, lines.map((line) => h("tr", {},
      h("td", {}, line.title ?? line.sku ?? "?", h("div", { class: "hint" }, h("code", { text: line.title && line.sku ? line.sku : line.id }))),
      h("td", { class: "number", text: money(line.unitPrice) }),
      h("td", { class: "number", "data-done": line.fulfilledQuantity === line.quantity },
        `${line.fulfilledQuantity} of ${line.quantity}`))))));
}
