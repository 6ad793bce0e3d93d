// What the tests of Amplify and of Apollo have in common: the server under test, and the story that each client goes
// through. A client is told to this file by a few lines that call it as its documentation says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** How long anything may take before a test gives up. */
const PATIENCE = 60_000;

// Whoever waits for good has failed too.
setTimeout(() => {
  console.error("the story takes too long");
  process.exit(1);
}, 10 * PATIENCE).unref();

/** What the server's ready file tells. */
export interface Ready {
  graphqlUrl: string;
  region: string;
  apiKey: string;
  accessKeyId: string;
  secretAccessKey: string;
  tls?: { graphqlUrl: string };
}

/** What a caller proves who they are with. */
export type Credentials = { apiKey: string } | { token: string } | { accessKeyId: string; secretAccessKey: string };

/** Somebody who calls through the client under test. */
export interface Caller {
  /** What an operation answers; fails with whatever the client fails with. */
  run(query: string, variables?: object): Promise<any>;
  /** Starts a subscription. The first call of a caller opens a connection of its own. */
  subscribe(query: string, variables: object, listener: Listener): { unsubscribe(): void };
}

/** What a client tells of a subscription. */
export interface Listener {
  started(): void;
  event(order: any): void;
  failed(error: unknown): void;
}

/** A client: makes callers of an endpoint. */
export type Client = (endpoint: string, credentials: Credentials) => Caller;

/** What the test that runs this has put into the environment. */
export function given(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
}

export const ready: Ready = JSON.parse(readFileSync(given("READY_FILE"), "utf8"));

/** A backend's credentials. */
export function backendOf({ accessKeyId, secretAccessKey }: Ready): Credentials {
  return { accessKeyId, secretAccessKey };
}

/** Everything that can be said of a failure, in one text. Clients wrap what they were told, each in its own way. */
export function told(error: any): string {
  if (typeof error !== "object" || error === null) return String(error);
  const inner = [error.cause, error.originalError, ...(error.errors ?? [])].filter((each) => each != null);
  return [`${error.name} ${error.message} ${error.errorType}`, ...inner.map(told)].join("\n");
}

export async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; ) {
    const seen = look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited in vain until ${what}`);
}

/** Somebody in between, who can cut the line and counts connections that have become WebSockets. */
export class Line {
  #sockets = new Set<Socket>();
  #up = true;
  opened = 0;

  private constructor(readonly endpoint: string) {}

  static async to(endpoint: string): Promise<Line> {
    const { protocol, hostname, port, pathname } = new URL(endpoint);
    const server = createServer((near) => {
      if (!line.#up) return void near.destroy();
      line.opened += 1;
      const far = connect(Number(port), hostname);
      for (const [one, other] of [[near, far], [far, near]]) {
        line.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => (line.#sockets.delete(one), other.destroy()));
        one.pipe(other);
      }
    });
    server.unref();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const line = new Line(`${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`);
    return line;
  }

  /** Breaks all connections, without a goodbye, and lets none through. */
  cut(): void {
    this.#up = false;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.#up = true;
  }
}

/** A subscription, and what it has been sent. */
export class Inbox implements Listener {
  events: any[] = [];
  starts = 0;
  failure: unknown;
  #subscription: { unsubscribe(): void };

  constructor(caller: Caller, query: string, variables: object) {
    this.#subscription = caller.subscribe(query, variables, this);
  }

  static async of(caller: Caller, query: string, variables: object): Promise<Inbox> {
    const inbox = new Inbox(caller, query, variables);
    await inbox.hasStarted(1);
    return inbox;
  }

  started = () => void (this.starts += 1);
  event = (order: any) => void this.events.push(order);
  failed = (error: unknown) => void (this.failure = error);

  /** Until it has started so many times. */
  async hasStarted(times: number): Promise<void> {
    await until("a subscription starts", () => {
      assert.equal(this.failure, undefined, told(this.failure));
      return this.starts >= times;
    });
  }

  /** The next event with that status. */
  async next(status: string): Promise<any> {
    return until(`an event tells of ${status}`, () => {
      assert.equal(this.failure, undefined, told(this.failure));
      for (let event; (event = this.events.shift()); ) if (event.status === status) return event;
    });
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }
}

const PLACE = "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id customerId status } }";
const READ = "query Read($id: ID!) { order(id: $id) { id status document } }";
const ORDERS = "query Own { orders { items { id } } }";
const REPORT =
  "mutation Report($input: RecordFulfilmentInput!) { recordFulfilment(input: $input) { id customerId status problems } }";
// Subscribers can select no more than what the publishing mutation has selected.
const PUBLISH =
  "mutation Publish($id: ID!) { publishOrderFulfilled(id: $id) { id customerId status problems document } }";
const FULFILLED = "subscription Fulfilled($id: ID!) { orderFulfilled(id: $id) { id status problems document } }";
const CHANGED = "subscription Changed($id: ID!) { orderChanged(id: $id) { id status } }";
const OF_CUSTOMER = "subscription Own($id: ID!) { ordersChanged(customerId: $id) { id customerId status } }";
const ANY = "subscription Any { anyOrderChanged { id status } }";

const ORDER = { reference: "JS-1", lines: [{ sku: "TEA", quantity: 2 }] };

/** The server's warehouse accepts every order and reports later, which a backend does here with recordFulfilment. */
export async function story(endpoint: string, client: Client): Promise<void> {
  const iam = backendOf(ready);
  const [alice, bob, staff] = ["ALICE_TOKEN", "BOB_TOKEN", "STAFF_TOKEN"].map((name) => ({ token: given(name) }));
  const guest = { apiKey: ready.apiKey };
  const backend = client(endpoint, iam);
  /** A caller with a connection of its own. */
  const over = async (credentials: Credentials): Promise<[Caller, Line]> => {
    const line = await Line.to(endpoint);
    return [client(line.endpoint, credentials), line];
  };
  const caller = async (credentials: Credentials) => (await over(credentials))[0];
  const place = async (by: Caller) => (await by.run(PLACE, { input: { order: ORDER } })).placeOrder;
  const publish = (id: string) => backend.run(PUBLISH, { id });
  const report = (id: string) => backend.run(REPORT, { input: { orderId: id, reference: crypto.randomUUID() } });

  const kinds: [string, Credentials, [string, (order: any) => object][]][] = [
    ["guest", guest, [[FULFILLED, ({ id }) => ({ id })], [CHANGED, ({ id }) => ({ id })]]],
    ["customer", alice, [[FULFILLED, ({ id }) => ({ id })], [OF_CUSTOMER, ({ customerId }) => ({ id: customerId })]]],
    ["staff", staff, [[CHANGED, ({ id }) => ({ id })], [ANY, () => ({})]]],
    ["backend", iam, [[FULFILLED, ({ id }) => ({ id })], [ANY, () => ({})]]],
  ];
  for (const [kind, credentials, subscriptions] of kinds) {
    const one = await caller(credentials);
    const order = await place(one);
    const inboxes = [];
    for (const [query, variables] of subscriptions) inboxes.push(await Inbox.of(one, query, variables(order)));
    await report(order.id);
    for (const inbox of inboxes) {
      const event = await inbox.next("FULFILLED");
      assert.equal(event.id, order.id);
      assert(!event.document, "no document in an event");
    }
    const read = (await one.run(READ, { id: order.id })).order;
    assert.equal(read.status, "FULFILLED");
    assert.deepEqual(JSON.parse(read.document), ORDER);
    for (const inbox of inboxes) inbox.stop();
    console.log(`${kind}: placed, subscribed, told, read`);
  }

  {
    const [one, line] = await over(guest);
    const orders = [await place(one), await place(one)];
    const [first, second] = [await Inbox.of(one, FULFILLED, orders[0]), await Inbox.of(one, FULFILLED, orders[1])];
    for (const { id } of orders) await report(id);
    for (const inbox of [first, second]) await inbox.next("FULFILLED");
    // Told again of each, both have heard all that there is to hear: each of its own order only.
    for (const [inbox, { id }] of [[first, orders[0]], [second, orders[1]]] as const) {
      await publish(id);
      assert.equal((await inbox.next("FULFILLED")).id, id);
    }
    assert.deepEqual([first.events, second.events], [[], []]);
    console.log("arguments: each hears of its own order only");

    first.stop();
    // Whether the server knows of it shows once it has answered somebody else on the same connection.
    await Inbox.of(one, CHANGED, orders[1]);
    await publish(orders[0].id);
    await publish(orders[1].id);
    await second.next("FULFILLED");
    assert.deepEqual(first.events, []);
    second.stop();
    console.log("unsubscribing: the other goes on, the first hears nothing");
    assert(line.opened > 0);
  }

  {
    const [one, line] = await over(guest);
    const order = await place(one);
    const first = await Inbox.of(one, FULFILLED, order);
    const before = line.opened;
    const inboxes = [first, ...Array.from({ length: 49 }, () => new Inbox(one, FULFILLED, order))];
    for (const inbox of inboxes) await inbox.hasStarted(1);
    assert.equal(line.opened, before, "all share one connection");
    await report(order.id);
    for (const inbox of inboxes) assert.equal((await inbox.next("FULFILLED")).id, order.id);
    for (const inbox of inboxes) inbox.stop();
    console.log("50 subscriptions: one connection, and each is told");
  }

  {
    const [one, line] = await over(guest);
    const order = await place(one);
    const inboxes = [await Inbox.of(one, FULFILLED, order), await Inbox.of(one, CHANGED, order)];
    line.cut();
    await report(order.id);
    line.mend();
    for (const inbox of inboxes) await inbox.hasStarted(2);
    // What happened meanwhile is read; what happens from now on is told.
    assert.equal((await one.run(READ, { id: order.id })).order.status, "FULFILLED");
    await publish(order.id);
    for (const inbox of inboxes) assert.equal((await inbox.next("FULFILLED")).id, order.id);
    for (const inbox of inboxes) inbox.stop();
    console.log("a lost connection: every subscription begins again");
  }

  {
    const [ofGuest, ofAlice] = [await place(await caller(guest)), await place(await caller(alice))];
    const refusals: [Credentials, string, object][] = [
      [guest, FULFILLED, { id: ofAlice.id }],
      [bob, CHANGED, { id: ofAlice.id }],
      [alice, FULFILLED, { id: ofGuest.id }],
      [guest, FULFILLED, { id: crypto.randomUUID() }],
      [bob, OF_CUSTOMER, { id: ofAlice.customerId }],
      [alice, ANY, {}],
    ];
    for (const [credentials, query, variables] of refusals) {
      const inbox = new Inbox(await caller(credentials), query, variables);
      const failure = await until("a subscription is refused", () => inbox.failure);
      assert.match(told(failure), /Unauthorized/, query);
      assert.equal(inbox.starts, 0);
    }
    for (const [credentials, id] of [[guest, ofAlice.id], [bob, ofAlice.id], [alice, ofGuest.id]] as const) {
      assert.equal((await (await caller(credentials)).run(READ, { id })).order, null);
    }
    await assert.rejects((await caller(guest)).run(ORDERS), (error) => /Unauthorized/.test(told(error)));
    console.log("refused: what the table of rights says no to");

    // Somebody's refused subscription takes nothing from another's, on the same connection.
    const one = await caller(guest);
    const inbox = await Inbox.of(one, FULFILLED, ofGuest);
    const refused = new Inbox(one, FULFILLED, { id: ofAlice.id });
    await until("a subscription is refused", () => refused.failure);
    const heard = async () => (await publish(ofGuest.id), await new Promise((resolve) => setTimeout(resolve, 200)));
    await report(ofGuest.id);
    while (inbox.events.length === 0 && !inbox.failure) await heard();
    assert.equal((await inbox.next("FULFILLED")).id, ofGuest.id);
    inbox.stop();
    console.log("beside a refused subscription: the others are told");
  }

  for (const credentials of [
    { apiKey: "da2-wrong" },
    { token: given("EXPIRED_TOKEN") },
    { accessKeyId: ready.accessKeyId, secretAccessKey: "wrong" },
  ]) {
    const one = await caller(credentials);
    const order = await place(await caller(guest));
    await assert.rejects(one.run(READ, { id: order.id }), (error) => {
      assert.match(told(error), /status code 40[13]|UnauthorizedException|UnrecognizedClientException|InvalidSignatureException/);
      return true;
    });
    const inbox = new Inbox(one, FULFILLED, { id: order.id });
    assert.match(told(await until("the socket is refused", () => inbox.failure)), /UnauthorizedException/);
  }
  console.log("wrong credentials: refused over HTTP and over the socket");
}
