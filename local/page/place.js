// The form that places an order: filled in for the typed door, or any document for the raw one.

import { NO_ANSWER } from "./api.js";
import { h } from "./html.js";

const TITLES = {
  storefront: "tea and a mug",
  plain: "a plain list",
  shopify: "a Shopify order",
  woocommerce: "a WooCommerce order",
  "schema.org": "a schema.org order",
  "not-understood": "a shape nobody knows",
  partial: "two lines",
  refused: "one line",
  exact: "odd numbers",
};

export class PlaceForm {
  #form = document.querySelector("#place");
  #lines = document.querySelector("#lines");
  #sample = document.querySelector("#sample");
  #error = document.querySelector("#place-error");
  #samples = new Map();
  /** One key for one order: pressed again after an error, the button sends the same order. */
  #key = crypto.randomUUID();
  #onPlace;

  /** `onPlace(input)` places the order; what it throws is shown. */
  constructor(onPlace) {
    this.#onPlace = onPlace;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#form.addEventListener("input", () => this.#changed());
    this.#sample.addEventListener("change", () => this.#fill(this.#samples.get(this.#sample.value)));
    document.querySelector("#add-line").addEventListener("click", () => {
      this.#addLine().querySelector("input").focus();
      this.#changed();
    });
  }

  /** The samples are orders in fixtures/, as a client sends them. */
  async load() {
    const samples = await (await fetch("/page/samples.json")).json();
    for (const { name, request } of samples) this.#samples.set(name, request.variables.input);
    this.#sample.replaceChildren(...samples.map(({ name }) => h("option", { value: name, text: `Sample: ${TITLES[name] ?? name}` })));
    this.#fill(this.#samples.get(samples[0].name));
  }

  #fill({ order, document: text }) {
    this.#form.elements.door.value = order ? "order" : "document";
    if (order) {
      const { lines, ...rest } = order;
      for (const field of this.#fields()) {
        const value = field.name.split(".").reduce((value, name) => value?.[name], rest);
        field.value = Array.isArray(value) ? value.join("\n") : (value ?? "");
      }
      this.#lines.replaceChildren();
      for (const line of lines) this.#addLine(line);
    } else {
      // A document that is encoded twice is a text that holds one.
      const once = JSON.parse(text);
      this.#form.elements.document.value = typeof once === "string" ? once : text;
    }
    this.#changed();
  }

  #changed() {
    const raw = this.#form.elements.door.value === "document";
    document.querySelector("#typed").hidden = raw;
    document.querySelector("#raw").hidden = !raw;
    // A field that is not shown must not keep the form from being sent.
    for (const input of this.#lines.querySelectorAll("input")) input.disabled = raw;
    for (const button of this.#lines.querySelectorAll("button")) button.disabled = this.#lines.rows.length === 1;
    this.#error.textContent = "";
    this.#key = crypto.randomUUID();
  }

  #addLine({ sku = "", title = null, quantity = 1, unitPrice = "" } = {}) {
    const number = this.#lines.rows.length + 1;
    const remove = (event) => {
      event.target.closest("tr").remove();
      document.querySelector("#add-line").focus();
      this.#changed();
    };
    const row = h("tr", { "data-title": title },
      h("td", {}, h("input", { name: "sku", "aria-label": `Sku of line ${number}`, value: sku, required: true, autocomplete: "off" })),
      h("td", {}, h("input", { name: "quantity", "aria-label": `Pieces of line ${number}`, value: quantity, type: "number", min: 1, max: 2147483647, required: true })),
      h("td", {}, h("input", { name: "unitPrice", "aria-label": `Price of line ${number}`, value: unitPrice, inputmode: "decimal", autocomplete: "off" })),
      h("td", {}, h("button", { type: "button", class: "quiet icon", "aria-label": `Remove line ${number}`, onclick: remove, text: "×" })));
    // The title belongs to the sku: with another one it is gone.
    row.querySelector("input").addEventListener("input", () => row.removeAttribute("data-title"));
    this.#lines.append(row);
    return row;
  }

  #fields() {
    return [...this.#form.querySelectorAll("#typed .pair input, #typed details input, #typed details textarea")];
  }

  #input() {
    if (this.#form.elements.door.value === "document") {
      // As a string inside of AWSJSON: a document that is sent so is stored byte for byte.
      return { document: JSON.stringify(this.#form.elements.document.value) };
    }
    const order = {};
    for (const { name, value } of this.#fields()) {
      if (!value.trim()) continue;
      const path = name.split(".");
      const last = path.pop();
      const target = path.reduce((target, step) => (target[step] ??= {}), order);
      target[last] = last === "lines" ? value.split("\n").filter((line) => line.trim()) : value.trim();
    }
    order.lines = [...this.#lines.rows].map((row) => {
      const [sku, quantity, unitPrice] = [...row.querySelectorAll("input")].map((input) => input.value.trim());
      const { title } = row.dataset;
      return { sku, ...(title && { title }), quantity: Number(quantity), ...(unitPrice && { unitPrice }) };
    });
    return { order };
  }

  async #submit(event) {
    event.preventDefault();
    const button = document.querySelector("#place-button");
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    this.#error.textContent = "";
    try {
      await this.#onPlace({ ...this.#input(), idempotencyKey: this.#key });
      this.#key = crypto.randomUUID();
    } catch (error) {
      this.#error.textContent = error.type === NO_ANSWER
        ? `${error.message} Press again: the same order is not placed twice.`
        : error.message;
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }
}
