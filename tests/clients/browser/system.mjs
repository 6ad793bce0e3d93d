// What a story needs around the browser: the program under test, and a warehouse that answers when it is told to.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How long anything may take before a story gives up. Far more than it does take, also on a busy machine. */
export const PATIENCE = 60_000;

/** Looks again and again until there is something to see. */
export async function until(what, look) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`waited for ${PATIENCE} ms in vain: ${what}`);
    await sleep(20);
  }
}

/** The program, on free ports and with a data directory of its own. */
export class Server {
  static async start(...options) {
    const server = new Server();
    server.home = await mkdtemp(join(tmpdir(), "order-system-"));
    server.options = options;
    await server.run("0");
    return server;
  }

  async run(port) {
    const readyFile = join(this.home, "ready.json");
    await rm(readyFile, { force: true });
    const options = ["--port", port, "--dynamodb-port", "0", "--data-dir", join(this.home, "data"), "--ready-file", readyFile];
    const child = spawn(process.env.PROGRAM, [...options, ...this.options], { stdio: ["ignore", "ignore", "pipe"] });
    this.log = "";
    child.stderr.on("data", (text) => (this.log = (this.log + text).slice(-20_000)));
    this.child = child;
    // Whatever becomes of the story, its server ends with it.
    process.once("exit", () => child.kill("SIGKILL"));
    this.addresses = await until("the server is ready", async () => {
      if (child.exitCode !== null) throw new Error(`the server ended before it was ready:\n${this.log}`);
      return readFile(readyFile, "utf8").then(JSON.parse, () => null);
    });
    this.origin = new URL(this.addresses.graphqlUrl).origin;
  }

  /** Ends it as a power cut would. */
  async kill() {
    this.child.kill("SIGKILL");
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
  }

  /** Starts it where it was. */
  async restart() {
    await this.run(new URL(this.origin).port);
  }

  async end() {
    await this.kill();
    await rm(this.home, { recursive: true, force: true });
  }

  /** A token as the page gets it. */
  async token(as, name) {
    const headers = { origin: this.origin, "content-type": "application/json" };
    const answer = await fetch(`${this.origin}/local/credentials`, { method: "POST", headers, body: JSON.stringify({ as, name }) });
    return (await answer.json()).token;
  }

  /** Places an order from outside of the browser; as a guest, unless there is a token. Returns its id. */
  async place(input, token = null) {
    const query = "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }";
    const headers = token ? { authorization: token } : { "x-api-key": this.addresses.apiKey };
    const body = JSON.stringify({ query, variables: { input } });
    const answer = await (await fetch(this.addresses.graphqlUrl, { method: "POST", headers, body })).json();
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer.data.placeOrder.id;
  }
}

/** A warehouse that ships everything, as soon as it may. */
export class Warehouse {
  #held = [];
  #holds = false;

  static async open() {
    const warehouse = new Warehouse();
    warehouse.answer = { status: 200, body: {} };
    warehouse.server = createServer(async (request, response) => {
      for await (const _ of request);
      if (warehouse.#holds) await new Promise((resolve) => warehouse.#held.push(resolve));
      const { status, body } = warehouse.answer;
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    warehouse.server.listen(0, "127.0.0.1");
    await once(warehouse.server, "listening");
    warehouse.url = `http://127.0.0.1:${warehouse.server.address().port}`;
    return warehouse;
  }

  /** From now on every answer waits. */
  hold() {
    this.#holds = true;
  }

  /** Gives all answers that wait, and waits no longer. */
  release(answer = { status: 200, body: {} }) {
    this.answer = answer;
    this.#holds = false;
    for (const resolve of this.#held.splice(0)) resolve();
  }

  close() {
    this.release();
    this.server.closeAllConnections();
    this.server.close();
  }
}
