// A browser goes through the page and GraphiQL as each kind of caller. In the environment: PROGRAM, CHROMIUM, and
// SCREENSHOTS, a directory for what was seen. `node story.mjs WORD` runs the stories whose name holds the word.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";

import { Server, Warehouse, until } from "./system.mjs";
import { Visitor } from "./visitor.mjs";

const stories = {
  async "a customer sees an order fulfilled one click after the page has opened"({ visitor, warehouse }) {
    const { page } = visitor;
    await page.goto(visitor.origin);
    await visitor.live();
    await visitor.screenshot("first-sight");
    await visitor.isAccessible();
    await until("the subscription has started", () => visitor.frames.some(({ type }) => type === "start_ack"));
    warehouse.hold();
    const id = await visitor.place();
    await visitor.status("RECEIVED");
    await visitor.screenshot("received");
    // From here on nothing is read: what the page learns, it is told over the socket.
    const waiting = [];
    await page.route("**/graphql", (route) => waiting.push(route));
    warehouse.release();
    await visitor.status("FULFILLED");
    await visitor.means("FULFILLED");
    assert.equal(visitor.events((order) => order.id === id && order.status === "FULFILLED").length, 1);
    await page.unroute("**/graphql");
    for (const route of waiting) await route.continue();
    await page.waitForSelector("text=after the click");
    await visitor.screenshot("fulfilled");
    await visitor.isAccessible();
  },

  async "the slider shows the order before it was fulfilled"({ visitor, warehouse }) {
    const { page } = visitor;
    await visitor.visit("/", "Customer");
    warehouse.hold();
    await visitor.place();
    await visitor.status("RECEIVED");
    warehouse.release();
    await visitor.means("FULFILLED");
    const fulfilled = page.locator(".meaning [data-done]");
    assert.equal(await fulfilled.count(), 2);
    await page.focus("input[type=range]");
    await page.keyboard.press("Home");
    await visitor.means("RECEIVED");
    assert.equal(await fulfilled.count(), 0);
    assert.match(await page.textContent(".meaning table"), /0 of 2/);
    assert.match(await page.textContent(".changes"), /not yet/);
    assert.match(await page.getAttribute("input[type=range]", "aria-valuetext"), /^As of \d/);
    await visitor.status("FULFILLED");
    await visitor.screenshot("before-fulfilment");
    await visitor.isAccessible();
    // The last step before the change, and the change itself.
    await page.click(".mark:text('Fulfilled')");
    await visitor.means("FULFILLED");
    await page.focus("input[type=range]");
    await page.keyboard.press("ArrowLeft");
    await visitor.means("RECEIVED");
    await page.keyboard.press("End");
    await visitor.means("FULFILLED");
    assert.equal(await page.textContent(".moment"), "As of now");
  },

  async "a guest follows an order, and finds it again after a reload"({ visitor, warehouse }) {
    const { page } = visitor;
    await visitor.visit("/", "Guest");
    await page.selectOption("#sample", "plain");
    warehouse.hold();
    const id = await visitor.place();
    await visitor.status("RECEIVED");
    const sent = visitor.frames.find(({ direction, type, payload }) => direction === "out" && type === "start" && payload.data.includes(id));
    assert.ok(sent?.payload.extensions.authorization["x-api-key"].startsWith("da2-"));
    await until("the subscription has started", () => visitor.frames.some((frame) => frame.type === "start_ack" && frame.id === sent.id));
    warehouse.release({ status: 200, body: { lines: [{ id: "/data/1", quantity: 2 }] } });
    await visitor.status("PARTIALLY_FULFILLED");
    await until("it is told", () => visitor.events((order) => order.id === id && order.status === "PARTIALLY_FULFILLED").length);
    await visitor.screenshot("partly-fulfilled");
    await page.reload();
    await visitor.status("PARTIALLY_FULFILLED");
    await page.waitForSelector(`#orders [data-id="${id}"]`);
    const reads = visitor.requests.filter(({ body }) => body?.includes(id));
    assert.ok(reads.length > 0 && reads.every(({ headers }) => headers["x-api-key"] && !headers.authorization));
  },

  async "a guest's orders outlive a refusal that is not about them"({ visitor, warehouse }) {
    const { page } = visitor;
    await page.routeWebSocket("**/graphql/realtime", (socket) => {
      const behind = socket.connectToServer();
      const errors = [{ errorType: "UnauthorizedException", message: "You are not authorized to make this call." }];
      socket.onMessage((text) => {
        const { id, type } = JSON.parse(text);
        if (type === "start") socket.send(JSON.stringify({ id, type: "error", payload: { errors } }));
        else behind.send(text);
      });
    });
    await visitor.visit("/", "Guest");
    warehouse.hold();
    const id = await visitor.place();
    await page.waitForSelector("#orders-hint:has-text('not authorized to make this call')");
    assert.deepEqual(await page.evaluate(() => JSON.parse(localStorage.getItem("guest-orders"))), [id]);
  },

  async "staff see what needs attention, and why"({ visitor, server, warehouse }) {
    const { page } = visitor;
    // One was there before they came.
    const early = await server.place({ document: JSON.stringify({ nonsense: "early" }) });
    await visitor.visit("/", "Staff");
    await page.waitForSelector(`#orders [data-id="${early}"][data-attention]`);
    const late = await server.place({ document: JSON.stringify({ nonsense: "late" }) });
    await page.waitForSelector(`#orders [data-id="${late}"][data-attention]`);
    warehouse.answer = { status: 422, body: { refused: true, reason: "sold out" } };
    const refused = await server.place({ order: { reference: "R-1", lines: [{ sku: "MOON-ROCK", quantity: 1 }] } });
    await page.waitForSelector(`#orders [data-id="${refused}"][data-attention]`);
    warehouse.release();
    const fine = await server.place({ order: { reference: "F-1", lines: [{ sku: "TEA", quantity: 1 }] } });
    await page.waitForSelector(`#orders [data-id="${fine}"][data-status=FULFILLED]`);
    await page.click("text=Need attention");
    assert.equal(await page.isVisible(`#orders [data-id="${fine}"]`), false);
    assert.match(await page.textContent(`#orders [data-id="${refused}"]`), /sold out/);
    await page.click(`#orders [data-id="${late}"]`);
    await visitor.status("NEEDS_ATTENTION");
    assert.match(await page.textContent(".why"), /Why it needs attention.*no format knows.*nonsense/);
    await visitor.screenshot("attention");
    await visitor.isAccessible();
  },

  async "each caller sees what is theirs"({ visitor, server }) {
    const { page } = visitor;
    const alice = await server.token("customer", "alice");
    const hers = await server.place({ order: { reference: "HERS", lines: [{ sku: "TEA", quantity: 1 }] } }, alice);
    await visitor.visit("/", "Customer", "bob");
    await page.fill("#open [name=id]", hers);
    await page.press("#open [name=id]", "Enter");
    await page.waitForSelector("#orders-hint:has-text('not yours to see')");
    await visitor.visit("/", "Customer", "alice");
    await page.waitForSelector(`#orders [data-id="${hers}"][data-status=FULFILLED]`);
    await visitor.visit("/", "Staff");
    await page.fill("#open [name=id]", hers);
    await page.press("#open [name=id]", "Enter");
    await visitor.status("FULFILLED");
    assert.match(await page.textContent("#detail h2"), /HERS/);
  },

  async "each format has a sample"({ visitor }) {
    const { page } = visitor;
    await visitor.visit("/", "Customer");
    for (const format of ["plain", "shopify", "woocommerce", "schema.org", "storefront"]) {
      await page.selectOption("#sample", format);
      await visitor.place();
      await page.waitForSelector(`.meaning dd code:text-is("${format}")`);
    }
  },

  async "a link that leads to no order is explained"({ visitor }) {
    const { page } = visitor;
    await page.goto(`${visitor.origin}/#%`);
    await page.waitForSelector("#orders-hint:has-text('There is no order %')");
    await visitor.place();
    await visitor.status("FULFILLED");
  },

  async "an order can be placed and read without a mouse"({ visitor }) {
    const { page } = visitor;
    await page.goto(visitor.origin);
    await visitor.live();
    const tabTo = async (selector) => {
      for (let presses = 0; presses < 60; presses += 1) {
        await page.keyboard.press("Tab");
        if (await page.evaluate((selector) => document.activeElement.matches(selector), selector)) return;
      }
      assert.fail(`the tab key does not lead to ${selector}`);
    };
    await tabTo("#place [name=reference]");
    await page.keyboard.type("BY-HAND");
    await tabTo("#place-button");
    await page.keyboard.press("Enter");
    const first = await visitor.placed();
    await visitor.status("FULFILLED");
    await until("it is read aloud", async () => /BY-HAND: Fulfilled/.test(await page.textContent("#announcements")));
    await page.keyboard.press("Enter");
    const second = await visitor.placed();
    await visitor.status("FULFILLED");
    await tabTo("#orders [role=option]");
    const focused = () => page.evaluate(() => document.activeElement.dataset.id);
    assert.equal(await focused(), second);
    await page.keyboard.press("ArrowDown");
    assert.equal(await focused(), first);
    await until("it is open", async () => (await page.evaluate(() => location.hash)) === `#${first}`);
    await tabTo("input[type=range]");
    await page.keyboard.press("Home");
    await visitor.means("RECEIVED");
  },

  async "whatever is pasted is kept byte for byte, and a refusal is explained"({ visitor }) {
    const { page } = visitor;
    await visitor.visit("/", "Customer");
    await page.locator("#place label", { hasText: "Paste any document" }).click();
    await page.fill("#place [name=document]", "[1]");
    await page.click("#place-button");
    await page.waitForSelector("#place-error:has-text('object')");
    const text = '{ "id": 7, "z": 1.10,\n  "data": ["A-1"], "e": 1e400 }';
    await page.fill("#place [name=document]", text);
    await visitor.place();
    await visitor.status("FULFILLED");
    await page.check("text=byte for byte");
    assert.equal(await page.textContent("pre"), text);
    // As one string: AppSync may write the numbers of an object in another way.
    const sent = visitor.requests.findLast(({ body }) => body?.includes("mutation Place"));
    assert.equal(JSON.parse(sent.body).variables.input.document, JSON.stringify(text));
  },

  async "an order too large for an event is read instead"({ visitor, server }) {
    const { page } = visitor;
    await visitor.visit("/", "Staff");
    await until("the subscription has started", () => visitor.frames.some(({ type }) => type === "start_ack"));
    const data = Array.from({ length: 1_500 }, (_, at) => ({ sku: `SKU-${at}`, name: "n".repeat(60) }));
    const id = await server.place({ document: JSON.stringify({ id: "LARGE", data }) });
    await page.waitForSelector(`#orders [data-id="${id}"][data-status=FULFILLED]`);
    await until("it is told", () => visitor.events((order) => order.id === id && order.lines === null).length);
    await page.click(`#orders [data-id="${id}"]`);
    await page.waitForFunction(() => document.querySelectorAll(".meaning [data-done]").length === 1_500);
    assert.match(await page.textContent(".changes"), /1 of \/data\/1499/);
  },

  async "a connection that has fallen silent is opened again"({ visitor }) {
    let opened = 0;
    await visitor.page.routeWebSocket("**/graphql/realtime", (socket) => {
      const behind = socket.connectToServer();
      opened += 1;
      behind.onMessage((text) => {
        const message = JSON.parse(text);
        if (message.type === "connection_ack") message.payload.connectionTimeoutMs = 1_000;
        socket.send(JSON.stringify(message));
      });
    });
    await visitor.visit("/", "Staff");
    await until("it is opened again", () => opened >= 4);
    await visitor.live();
  },

  async "it looks right in the dark, and on a phone"({ browser, server }) {
    const sights = { light: {}, dark: {}, phone: { width: 390, height: 844 }, "phone-small": { width: 320, height: 640 } };
    for (const [name, { width = 1440, height = 900 }] of Object.entries(sights)) {
      const colorScheme = name === "light" || name === "phone-small" ? "light" : "dark";
      const visitor = await Visitor.open(browser, server, { viewport: { width, height }, colorScheme });
      await visitor.visit("/", "Staff");
      await visitor.fits();
      await visitor.screenshot(`${name}-first-sight`);
      await visitor.page.selectOption("#sample", "not-understood");
      await visitor.place();
      await visitor.status("NEEDS_ATTENTION");
      await visitor.page.selectOption("#sample", "storefront");
      await visitor.place();
      await visitor.means("FULFILLED");
      await visitor.fits();
      await visitor.screenshot(`${name}-order`);
      await visitor.isAccessible();
      await visitor.leave();
    }
  },

  async "a page that is left open outlives the server"({ visitor, server }) {
    const { page } = visitor;
    // What a browser itself says of a server that is away.
    visitor.tolerated = [/WebSocket connection .* failed/, /net::ERR_/];
    await visitor.visit("/", "Customer");
    const before = await visitor.place();
    await visitor.status("FULFILLED");
    await server.kill();
    await page.waitForSelector("#connection:not([data-state=live])");
    await visitor.screenshot("server-away");
    await page.click("#place-button");
    await page.waitForSelector("#place-error:has-text('did not answer')");
    await server.restart();
    const missed = await server.place({ order: { reference: "MISSED", lines: [{ sku: "TEA", quantity: 1 }] } }, await server.token("customer", "alice"));
    await visitor.live();
    await page.waitForSelector(`#orders [data-id="${missed}"][data-status=FULFILLED]`);
    await page.waitForSelector(`#orders [data-id="${before}"]`);
    const after = await visitor.place();
    await until("it is told on the new socket", () => visitor.events((order) => order.id === after).length);
    await visitor.status("FULFILLED");
  },

  async "tokens are renewed before they expire"({ browser }) {
    const server = await Server.start("--page-token-seconds", "4");
    try {
      const visitor = await Visitor.open(browser, server);
      await visitor.visit("/", "Customer");
      const begin = Date.now();
      while (Date.now() - begin < 9_000) {
        await visitor.place();
        await visitor.status("FULFILLED");
        await sleep(700);
      }
      const calls = visitor.requests.filter(({ url }) => url.endsWith("/graphql"));
      const tokens = new Set(calls.map(({ headers }) => headers.authorization));
      assert.ok(tokens.size >= 3, `${tokens.size} tokens in 9 s`);
      assert.deepEqual(calls.filter(({ status }) => status !== 200), []);
      // The socket outlives its token, and a new one is begun with a new token.
      await visitor.page.locator("#caller label", { hasText: "Staff" }).click();
      await visitor.live();
      await visitor.leave();
    } finally {
      await server.end();
    }
  },

  async "a thousand orders do not slow it down"({ browser }) {
    const server = await Server.start();
    try {
      const visitor = await Visitor.open(browser, server);
      await visitor.visit("/", "Staff");
      const { page } = visitor;
      await until("the subscription has started", () => visitor.frames.some(({ type }) => type === "start_ack"));
      let [next, begin] = [0, Date.now()];
      const client = async () => {
        while (next < 1_000) await server.place({ order: { reference: `L-${next++}`, lines: [{ sku: "TEA", quantity: 2 }] } });
      };
      await Promise.all([client(), client(), client(), client()]);
      const placed = Date.now() - begin;
      await page.waitForFunction(() => document.querySelectorAll("#orders [data-status=FULFILLED]").length === 1_000);
      const seen = Date.now() - begin;
      const timings = await page.evaluate(async () => {
        const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        const timings = [];
        for (const row of [...document.querySelectorAll("#orders li")].slice(0, 100)) {
          const begin = performance.now();
          row.click();
          await frame();
          timings.push(performance.now() - begin);
        }
        return timings.sort((a, b) => a - b);
      });
      console.log(`  1,000 orders placed in ${placed} ms, all shown after ${seen} ms; opening one takes ${Math.round(timings[50])} ms until it is drawn (median), ${Math.round(timings[95])} ms (p95)`);
      assert.ok(seen - placed < 5_000, `the page is ${seen - placed} ms behind`);
      assert.ok(timings[50] < 250, `opening an order takes ${timings[50]} ms`);
      await visitor.screenshot("thousand");
      await visitor.leave();
    } finally {
      await server.end();
    }
  },

  async "GraphiQL asks and subscribes as each caller"({ visitor, server }) {
    const { page } = visitor;
    const result = (pattern) => until(`the result says ${pattern}`, async () => {
      // The editor draws what is to be seen only; its own text is whole.
      const text = await page.evaluate(() => document.querySelector(".result-window .CodeMirror")?.CodeMirror.getValue());
      return pattern.exec(text ?? "");
    });
    /** Runs an operation, once GraphiQL has taken it in: the tab then bears its name. */
    const run = async (name, query, variables = {}) => {
      await page.evaluate(([query, variables]) => {
        const [editor, values] = document.querySelectorAll(".graphiql-query-editor .CodeMirror, .graphiql-editor-tool .CodeMirror");
        editor.CodeMirror.setValue(query);
        values.CodeMirror.setValue(JSON.stringify(variables));
      }, [query, variables]);
      await page.waitForSelector(`.graphiql-tab-active:has-text("${name}")`);
      await page.click(".graphiql-execute-button[aria-label^=Execute]");
    };
    const stop = () => page.click(".graphiql-execute-button[aria-label^=Stop]");
    const order = { order: { reference: "G-1", lines: [{ sku: "TEA", quantity: 1 }] } };

    await visitor.visit("/graphiql", "Guest");
    await page.waitForSelector(".graphiql-container");
    // What is there at the start works as it stands.
    const variables = () => page.evaluate(() => document.querySelector(".graphiql-editor-tool .CodeMirror").CodeMirror.getValue());
    assert.match(await variables(), /TEA-EARL-GREY/);
    await page.click(".graphiql-execute-button");
    const [, placed] = await result(/"placeOrder": \{\s+"id": "([^"]+)",\s+"format": "storefront"/);
    await page.click(".graphiql-tab button:has-text('Place_schema_org')");
    await page.waitForSelector('.graphiql-tab-active:has-text("Place_schema_org")');
    // The tab changes before the editors do.
    await until("the editors hold the tab's operation", () => page.evaluate(() => {
      const [query, values] = document.querySelectorAll(".graphiql-query-editor .CodeMirror, .graphiql-editor-tool .CodeMirror");
      return query.CodeMirror.getValue().includes("Place_schema_org") && values.CodeMirror.getValue().includes("schema.org");
    }));
    // And GraphiQL takes in which operation it is a moment after that: until then, it asks for the one before.
    await until("the order is placed", async () => {
      await page.click(".graphiql-execute-button[aria-label^=Execute]");
      return /"format": "schema\.org"/.test((await result(/"data"/)).input);
    });
    await run("Reading", "query Reading($id: ID!) { order(id: $id) { status } }", { id: placed });
    await result(/"status": "(RECEIVED|FULFILLED)"/);
    await run("Refused", "query Refused { orders { items { id } } }");
    await result(/Not Authorized/);
    await visitor.screenshot("graphiql-guest");
    await visitor.isAccessible([[".graphiql-container"]]);

    await page.locator("#caller label", { hasText: "Customer" }).click();
    await run("Hers", "query Hers { orders { items { reference } } }");
    await result(/"items": \[/);
    const alice = await server.token("customer", "alice");
    const { sub } = JSON.parse(Buffer.from(alice.split(".")[1], "base64url"));
    await run("Told", "subscription Told($of: ID!) { ordersChanged(customerId: $of) { reference status } }", { of: sub });
    await until("it has started", () => visitor.frames.some(({ type }) => type === "start_ack"));
    await server.place(order, alice);
    await result(/"reference": "G-1",\s+"status": "FULFILLED"/);
    await stop();

    await page.locator("#caller label", { hasText: "Staff" }).click();
    await run("Waiting", "query Waiting { ordersNeedingAttention { items { id } } }");
    await result(/"ordersNeedingAttention"/);
    visitor.frames.length = 0;
    await run("All", "subscription All { anyOrderChanged { id status } }");
    await until("it has started", () => visitor.frames.some(({ type }) => type === "start_ack"));
    const any = await server.place(order);
    await result(new RegExp(`"id": "${any}",\\s+"status": "FULFILLED"`));
    await visitor.screenshot("graphiql-staff");
    assert.ok(visitor.requests.some(({ body }) => body?.includes("IntrospectionQuery")), "it knows the schema");
  },

  async "a page of another origin gets no credentials"({ visitor, server }) {
    const { page } = visitor;
    visitor.tolerated = [/CORS policy/, /net::ERR_FAILED/, /status of 40[35]/];
    const other = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html><title>other</title>"));
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    try {
      await page.goto(`http://127.0.0.1:${other.address().port}/`);
      for (const [mode, type] of [["cors", "application/json"], ["cors", "text/plain"], ["no-cors", "text/plain"]]) {
        const answer = await page.evaluate(async ([url, mode, type]) => {
          const init = { method: "POST", mode, headers: { "content-type": type }, body: '{"as":"guest"}' };
          return fetch(url, init).then((response) => response.text(), () => "");
        }, [`${server.origin}/local/credentials`, mode, type]);
        assert.equal(answer, "", `${mode} ${type}`);
      }
      const statuses = visitor.requests.filter(({ url }) => url.endsWith("/local/credentials")).map(({ status }) => status);
      assert.ok(statuses.every((status) => [403, 405].includes(status)), `${statuses}`);
      // That page is elsewhere, as it is meant to be.
      visitor.elsewhere.length = 0;
    } finally {
      other.close();
    }
  },

  async "what browsers ask for unasked is there"({ server }) {
    assert.equal((await fetch(`${server.origin}/favicon.ico`)).status, 200);
    assert.equal((await fetch(`${server.origin}/other`)).status, 404);
    assert.equal((await fetch(`${server.origin}/graphql`)).status, 401);
  },
};

await mkdir(process.env.SCREENSHOTS, { recursive: true });
// Chromium's sandbox does not work for root, as whom containers run.
const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
const warehouse = await Warehouse.open();
const server = await Server.start("--warehouse-url", warehouse.url);
const wanted = process.argv[2] ?? "";
try {
  for (const [name, tell] of Object.entries(stories).filter(([name]) => name.includes(wanted))) {
    console.log(name);
    const visitor = await Visitor.open(browser, server);
    try {
      await tell({ browser, server, visitor, warehouse });
    } catch (error) {
      await visitor.screenshot("failed").catch(() => {});
      error.message = `${name}: ${error.message}\n${visitor.complaints.join("\n")}\n${server.log.split("\n").slice(-15).join("\n")}`;
      throw error;
    } finally {
      warehouse.release();
    }
    await visitor.leave();
  }
} finally {
  await browser.close();
  await server.end();
  warehouse.close();
}
console.log("Every story has been told.");
