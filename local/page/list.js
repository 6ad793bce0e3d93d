// The list of orders, newest first: drawn once a frame, however many events come in.

import { STATUS, h, moment, reasons, title } from "./html.js";

export class List {
  #element;
  #orders;
  #rows = new Map();
  #dirty = new Set();
  #frame = 0;
  #onSelect;
  #onCount;
  #selected = null;

  constructor(element, { onSelect, onCount }) {
    this.#element = element;
    this.#onSelect = onSelect;
    this.#onCount = onCount;
    element.addEventListener("click", (event) => this.#choose(event.target.closest("[role=option]")));
    element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Starts anew with other orders. */
  show(orders) {
    this.#orders = orders;
    this.#rows.clear();
    this.#dirty.clear();
    this.#element.replaceChildren();
    this.#selected = null;
    this.#count();
  }

  update(ids) {
    for (const id of ids) this.#dirty.add(id);
    // A page in the background draws no frames, and need not: it draws them all once it is looked at.
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  select(id) {
    this.#rows.get(this.#selected)?.setAttribute("aria-selected", "false");
    this.#selected = id;
    this.#rows.get(id)?.setAttribute("aria-selected", "true");
    this.#setTabStop();
  }

  set filter(filter) {
    this.#element.dataset.filter = filter;
    this.#setTabStop();
  }

  #draw() {
    this.#frame = 0;
    for (const id of this.#dirty) {
      const order = this.#orders.get(id);
      const row = this.#rows.get(id);
      if (!order) {
        row?.remove();
        this.#rows.delete(id);
      } else if (row) {
        this.#fill(row, order);
      } else {
        this.#insert(this.#fill(h("li", { role: "option", tabindex: "-1", "data-id": id }), order));
      }
    }
    this.#dirty.clear();
    this.#setTabStop();
    this.#count();
  }

  #fill(row, order) {
    const attention = this.#orders.needsAttention(order.id);
    const why = attention ? reasons(order)[0] : null;
    const [first, ...others] = order.lines ?? [];
    const what = [first && `${first.quantity} × ${first.title ?? first.sku ?? "?"}`, others.length && `${others.length} more`];
    row.dataset.status = order.status;
    row.dataset.received = order.receivedAt;
    row.toggleAttribute("data-attention", attention);
    row.setAttribute("aria-selected", String(order.id === this.#selected));
    row.replaceChildren(
      h("span", { class: "row-title", text: title(order) }),
      h("span", { class: "row-status", text: STATUS[order.status] }),
      h("span", { class: "row-what", text: why ?? what.filter(Boolean).join(", ") }),
      h("time", { class: "row-time", datetime: order.receivedAt, text: moment(order.receivedAt) }),
    );
    return row;
  }

  #insert(row) {
    this.#rows.set(row.dataset.id, row);
    const received = row.dataset.received;
    const last = this.#element.lastElementChild;
    if (!last || last.dataset.received >= received) return this.#element.append(row);
    let next = this.#element.firstElementChild;
    while (next.dataset.received > received) next = next.nextElementSibling;
    next.before(row);
  }

  #count() {
    this.#onCount(this.#rows.size, this.#element.querySelectorAll("[data-attention]").length);
  }

  #visible() {
    const attention = this.#element.dataset.filter === "attention" ? "[data-attention]" : "";
    return [...this.#element.querySelectorAll(`[role=option]${attention}`)];
  }

  /** One stop for the tab key, however long the list: arrow keys move inside it. */
  #setTabStop() {
    const attention = this.#element.dataset.filter === "attention";
    const inside = this.#element.contains(document.activeElement) ? document.activeElement : null;
    const chosen = inside ?? this.#rows.get(this.#selected);
    const fits = chosen && (!attention || chosen.hasAttribute("data-attention"));
    const stop = fits ? chosen : this.#element.querySelector(attention ? "[data-attention]" : "[role=option]");
    const before = this.#element.querySelector("[tabindex='0']");
    if (before !== stop) {
      before?.setAttribute("tabindex", "-1");
      stop?.setAttribute("tabindex", "0");
    }
  }

  #choose(row) {
    if (row) this.#onSelect(row.dataset.id);
  }

  #key(event) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return this.#choose(document.activeElement.closest("[role=option]"));
    }
    const rows = this.#visible();
    const at = rows.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined || !rows[to]) return;
    event.preventDefault();
    rows[to].focus();
    this.#choose(rows[to]);
    this.#setTabStop();
  }
}
