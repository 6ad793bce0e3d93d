// The page at `/`: who is looking, and what the parts tell each other. It uses the public API like any frontend.

import { Caller } from "./api.js";
import { watchCaller } from "./caller.js";
import { STATUS, title } from "./html.js";
import { List } from "./list.js";
import { OrderView } from "./order.js";
import { Orders } from "./orders.js";
import { PlaceForm } from "./place.js";

const find = (selector) => document.querySelector(selector);
const STATES = { connecting: "Connecting", live: "Live", waiting: "Not connected, trying again" };
const HINTS = {
  guest: "The orders that this browser placed as a guest: nobody else knows their ids.",
  customer: "Your own orders, from the first to the one that is placed right now.",
  staff: "Every order that moves from now on, your own, and all that need attention.",
};

let orders = null;
let selected = null;
/** When this page placed which order, until its fulfilment is told. */
const placed = new Map();

const list = new List(find("#orders"), {
  onSelect: (id) => select(id),
  onCount: (all, attention) => {
    find("#count-all").textContent = all;
    find("#count-attention").textContent = attention;
  },
});
const view = new OrderView(find("#detail"), (id, asOf) => orders.readAsOf(id, asOf));
const form = new PlaceForm(async (input) => {
  const clicked = performance.now();
  const by = orders;
  const id = await by.place(input);
  // Somebody else by now, whose order this is not.
  if (by !== orders) return;
  placed.set(id, clicked);
  announce(id);
  await select(id);
  if (matchMedia("(max-width: 60rem)").matches) find("#order").scrollIntoView();
});

function enter(caller) {
  // The order in the address is the one that was open before a reload, or that a link leads to; another caller starts anew.
  if (orders) history.replaceState(null, "", location.pathname);
  orders?.close();
  placed.clear();
  leave();
  find("#place-error").textContent = find("#announcements").textContent = "";
  find("#orders-hint").textContent = HINTS[caller.as];
  const entered = new Orders(new Caller(caller), {
    onChange: (ids, how) => entered === orders && changed(ids, how),
    onState: (state) => {
      find("#connection").dataset.state = state;
      if (find("#connection").textContent !== STATES[state]) find("#connection").textContent = STATES[state];
    },
    onError: (error) => (find("#orders-hint").textContent = error.message),
  });
  orders = entered;
  list.show(orders);
  orders.open().catch((error) => {
    if (entered === orders) find("#orders-hint").textContent = error.message;
  });
  const linked = linkedId();
  if (linked) select(linked);
}

/** The id in the address; what nobody has encoded is taken as it stands. */
function linkedId() {
  const id = location.hash.slice(1);
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

function leave() {
  selected = null;
  find("#idea").hidden = false;
  find("#detail").hidden = true;
  find("#order").setAttribute("aria-labelledby", "order-title");
}

/** Shows an order: what is known of it at once, its document as soon as it is read. */
async function select(id) {
  selected = id;
  list.select(id);
  show(id);
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  const by = orders;
  if (by.get(id)?.document) return;
  const order = await by.read(id).catch(() => by.get(id));
  if (!order && by === orders && selected === id) {
    find("#orders-hint").textContent = `There is no order ${id}, or it is not yours to see.`;
    history.replaceState(null, "", location.pathname);
    leave();
  }
}

function show(id) {
  const order = orders.get(id);
  if (!order) return;
  find("#idea").hidden = true;
  find("#detail").hidden = false;
  find("#order").setAttribute("aria-labelledby", "detail-title");
  view.show(order, toldAfter(order));
}

/** How long it took from the click until this page knew that the order was fulfilled. */
function toldAfter(order) {
  const clicked = placed.get(order.id);
  if (clicked === undefined || order.status !== "FULFILLED") return null;
  placed.delete(order.id);
  return performance.now() - clicked;
}

function changed(ids, how) {
  list.update(ids);
  for (const id of ids) {
    if (placed.has(id) && how === "event") announce(id);
    if (id === selected) show(id);
  }
}

/** Only what the visitor does is read aloud: staff watch everybody's orders. */
function announce(id) {
  const order = orders.get(id);
  find("#announcements").textContent = `${title(order)}: ${STATUS[order.status]}`;
}

find("#filter").addEventListener("change", ({ target }) => (list.filter = target.value));
find("#open").addEventListener("submit", (event) => {
  event.preventDefault();
  select(event.target.elements.id.value.trim());
});

watchCaller(enter);
form.load();
