// The orders that a caller may see, kept up to date: read at the start and after each reconnect, told in between.

import { NO_ANSWER } from "./api.js";
import { Realtime } from "./realtime.js";

const FIELDS = `id customerId reference format status receivedAt fulfilledAt
  customer { name email } shippingAddress { name lines city region postalCode country phone }
  lines { id sku title quantity fulfilledQuantity unitPrice { amount currency } } total { amount currency }
  changes { id at kind reference lines { line quantity } reason } problems`;
const ONE = `query Order($id: ID!, $asOf: AWSDateTime) { order(id: $id, asOf: $asOf) { ${FIELDS} document } }`;
const PLACE = `mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { ${FIELDS} document } }`;
const page = (field) => `query Page($nextToken: String) {
  ${field}(limit: 100, nextToken: $nextToken) { items { ${FIELDS} } nextToken } }`;

/** How long after the start of a subscription to read again: AWS has been seen to lose events right after it. */
const SECOND_LOOK = 5_000;
/** Orders that are retried for an hour begin to need attention without an event that says so. */
const LOOK_FOR_ATTENTION = 60_000;
const MOST_KEPT = 2_000;
const MOST_READ = 1_000;
/** AppSync takes 100 subscriptions on a connection. */
const MOST_FOLLOWED = 80;
const GUESTS_ORDERS = "guest-orders";

export class Orders {
  #caller;
  #known = new Map();
  #attention = new Set();
  #followed = new Map();
  #reading = new Map();
  #onChange;
  #onError;
  #realtime;
  #timers = new Set();
  #closed = false;

  /** `onChange(ids, how)`: these orders are new, different or gone; `how` is "event" or "read". */
  constructor(caller, { onChange, onState, onError }) {
    this.#caller = caller;
    this.#onChange = onChange;
    this.#onError = onError;
    this.#realtime = new Realtime(caller, onState);
  }

  async open() {
    if (this.#caller.as === "guest") return this.#openAsGuest();
    const { customerId } = await this.#caller.credentials();
    if (this.#closed) return;
    const sink = {
      started: () => {
        this.#load();
        this.#later(SECOND_LOOK, () => this.#load());
      },
      next: (event) => this.#hear(event),
      error: (error) => this.#onError(error),
    };
    if (this.#caller.as === "staff") {
      this.#realtime.subscribe(`subscription Any { anyOrderChanged { ${FIELDS} } }`, {}, sink);
      const timer = setInterval(() => document.hidden || this.#try(() => this.#loadAttention()), LOOK_FOR_ATTENTION);
      this.#timers.add(timer);
    } else {
      const query = `subscription Own($customerId: ID!) { ordersChanged(customerId: $customerId) { ${FIELDS} } }`;
      this.#realtime.subscribe(query, { customerId }, sink);
    }
  }

  close() {
    this.#closed = true;
    this.#timers.forEach(clearTimeout);
    this.#realtime.close();
  }

  get(id) {
    return this.#known.get(id);
  }

  needsAttention(id) {
    const order = this.#known.get(id);
    return order?.status === "NEEDS_ATTENTION" || (this.#attention.has(id) && order?.status !== "FULFILLED");
  }

  /** Places an order. Sent again, the same `input.idempotencyKey` is the same order. */
  async place(input) {
    const { placeOrder: order } = await this.#caller.graphql(PLACE, { input });
    this.#take([order], "read");
    if (this.#caller.as === "guest") {
      remember(order.id);
      this.#follow(order.id);
    } else {
      this.#later(SECOND_LOOK, () => this.#isFinal(order.id) || this.#try(() => this.read(order.id)));
    }
    return order.id;
  }

  /** Reads one order; at most one read of each is under way. Answers it, or undefined if there is none to see. */
  async read(id) {
    const reading = this.#reading.get(id) ?? this.#caller.graphql(ONE, { id }).finally(() => this.#reading.delete(id));
    this.#reading.set(id, reading);
    const { order } = await reading;
    if (order) {
      this.#take([order], "read");
      if (this.#caller.as === "guest") this.#follow(order.id);
    } else {
      this.#forget(id);
    }
    return this.get(id);
  }

  /** One order as it stood at that moment, or null; keeps nothing. */
  async readAsOf(id, asOf) {
    return (await this.#caller.graphql(ONE, { id, asOf })).order;
  }

  async #openAsGuest() {
    const ids = remembered();
    for (const id of ids) this.#follow(id);
    if (ids.length > MOST_FOLLOWED) this.#try(() => this.#readAll(ids.slice(MOST_FOLLOWED)));
  }

  /** A guest follows order by order. One that is fulfilled does not change any more. */
  #follow(id) {
    if (this.#followed.has(id) || this.#isFinal(id) || this.#followed.size >= MOST_FOLLOWED) return;
    const query = `subscription One($id: ID!) { orderChanged(id: $id) { ${FIELDS} } }`;
    const stop = this.#realtime.subscribe(query, { id }, {
      started: () => {
        this.#try(() => this.read(id));
        this.#later(SECOND_LOOK, () => this.#isFinal(id) || this.#try(() => this.read(id)));
      },
      next: (event) => this.#hear(event),
      // What is not there, or not to be seen, cannot be followed. `UnauthorizedException` says nothing of the order.
      error: (error) => (error.errorType === "Unauthorized" ? this.#forget(id) : this.#onError(error)),
    });
    this.#followed.set(id, stop);
  }

  #unfollow(id) {
    this.#followed.get(id)?.();
    this.#followed.delete(id);
  }

  #load() {
    this.#try(async () => {
      await this.#loadPages("orders", (orders) => this.#take(orders, "read"));
      if (this.#caller.as === "staff") await this.#loadAttention();
      const known = [...this.#known.values()];
      const open = known.filter((order) => order.status !== "FULFILLED").map((order) => order.id);
      await this.#readAll(open.slice(-MOST_READ));
    });
  }

  async #loadAttention() {
    const found = new Set();
    await this.#loadPages("ordersNeedingAttention", (orders) => {
      for (const order of orders) found.add(order.id);
      this.#take(orders, "read");
    });
    const before = this.#attention;
    this.#attention = found;
    this.#onChange([...before, ...found], "read");
  }

  async #loadPages(field, take) {
    let [nextToken, count] = [null, 0];
    do {
      const { [field]: found } = await this.#caller.graphql(page(field), { nextToken });
      if (this.#closed) return;
      take(found.items);
      ({ nextToken } = found);
      count += found.items.length;
    } while (nextToken && count < MOST_READ);
  }

  /** Reads orders by their ids, many in one request. */
  async #readAll(ids) {
    for (let from = 0; from < ids.length && !this.#closed; from += 25) {
      const some = ids.slice(from, from + 25);
      const fields = some.map((_, at) => `o${at}: order(id: $i${at}) { ${FIELDS} }`).join("\n");
      const query = `query Some(${some.map((_, at) => `$i${at}: ID!`)}) { ${fields} }`;
      const variables = Object.fromEntries(some.map((id, at) => [`i${at}`, id]));
      const found = Object.values(await this.#caller.graphql(query, variables, { partial: true }));
      this.#take(found.filter(Boolean), "read");
    }
  }

  #hear({ data }) {
    const order = data && Object.values(data)[0];
    if (!order) return;
    this.#take([order], "event");
    // The event of an order over 240 KB comes without its lines and changes.
    if (!order.lines || !order.changes) this.#try(() => this.read(order.id));
  }

  #take(orders, how) {
    if (this.#closed) return;
    const changed = [];
    for (const order of orders) {
      const known = this.#known.get(order.id);
      // Changes are only ever appended: who knows fewer is late.
      if (known && order.changes && known.changes && order.changes.length < known.changes.length) continue;
      const told = Object.entries(order).filter(([, value]) => value !== null);
      const whole = order.lines && order.changes;
      const merged = whole ? { ...known, ...order } : { ...known, ...Object.fromEntries(told) };
      merged.document = order.document ?? known?.document ?? null;
      this.#known.set(order.id, merged);
      if (merged.status === "FULFILLED") this.#unfollow(order.id);
      changed.push(order.id);
    }
    this.#onChange([...changed, ...this.#dropOldest()], how);
  }

  /** A page that is left open for days does not grow for days. */
  #dropOldest() {
    if (this.#known.size < MOST_KEPT * 1.1) return [];
    const byAge = [...this.#known.values()].sort((a, b) => b.receivedAt.localeCompare(a.receivedAt));
    const dropped = byAge.slice(MOST_KEPT).map((order) => order.id);
    for (const id of dropped) this.#known.delete(id);
    return dropped;
  }

  #forget(id) {
    this.#unfollow(id);
    forget(id);
    if (this.#known.delete(id)) this.#onChange([id], "read");
  }

  #isFinal(id) {
    return this.#known.get(id)?.status === "FULFILLED";
  }

  #later(milliseconds, act) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, milliseconds);
    this.#timers.add(timer);
  }

  async #try(act) {
    try {
      await act();
    } catch (error) {
      // While the server is away the connection's state says so, and everything is read again once it is back.
      if (!this.#closed && error.type !== NO_ANSWER) this.#onError(error);
    }
  }
}

// No list tells guests which orders are theirs: the page remembers the ids, newest first.

function remembered() {
  try {
    const ids = JSON.parse(localStorage.getItem(GUESTS_ORDERS));
    return Array.isArray(ids) ? ids : [];
  } catch {
    return [];
  }
}

function remember(id) {
  const ids = [id, ...remembered().filter((other) => other !== id)].slice(0, 200);
  localStorage.setItem(GUESTS_ORDERS, JSON.stringify(ids));
}

function forget(id) {
  localStorage.setItem(GUESTS_ORDERS, JSON.stringify(remembered().filter((other) => other !== id)));
}
