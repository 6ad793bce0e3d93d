// A visitor: one browser with nothing remembered, who notices whatever a page does wrong.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { PATIENCE, until } from "./system.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export class Visitor {
  /** What the page may complain of in its console, where a story makes it. */
  tolerated = [];
  complaints = [];
  elsewhere = [];
  frames = [];
  requests = [];

  static async open(browser, server, options = {}) {
    const visitor = new Visitor();
    const size = { width: 1440, height: 900 };
    visitor.context = await browser.newContext({ viewport: size, reducedMotion: "reduce", ...options });
    visitor.context.setDefaultTimeout(PATIENCE);
    visitor.origin = server.origin;
    visitor.page = await visitor.context.newPage();
    visitor.#watch();
    return visitor;
  }

  #watch() {
    const { page, origin } = this;
    page.on("pageerror", (error) => this.complaints.push(`${error.stack}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("request", (request) => {
      const { protocol, origin: to } = new URL(request.url());
      if (!["data:", "blob:"].includes(protocol) && to !== origin) this.elsewhere.push(request.url());
    });
    page.on("response", (response) => {
      const request = response.request();
      this.requests.push({ url: request.url(), status: response.status(), headers: request.headers(), body: request.postData() });
    });
    page.on("websocket", (socket) => {
      if (new URL(socket.url()).host !== new URL(origin).host) this.elsewhere.push(socket.url());
      const keep = (direction) => ({ payload }) => this.frames.push({ direction, ...JSON.parse(payload) });
      socket.on("framereceived", keep("in"));
      socket.on("framesent", keep("out"));
    });
  }

  /** Opens a page as somebody: the first time by choosing so in the header. */
  async visit(path, as, name = null) {
    await this.page.goto(this.origin + path);
    await this.page.locator("#caller label", { hasText: as }).click();
    if (name) {
      await this.page.fill("#caller [name=name]", name);
      await this.page.press("#caller [name=name]", "Enter");
    }
    if (path === "/") await this.live();
  }

  async live() {
    await this.page.waitForSelector("#connection[data-state=live]");
  }

  /** What came over the socket and matches. */
  events(matches) {
    return this.frames.filter(({ direction, type, payload }) =>
      direction === "in" && type === "data" && matches(Object.values(payload.data)[0]));
  }

  async place() {
    await this.page.click("#place-button");
    return this.placed();
  }

  /** The id of the order that is shown, once it is another one than before. */
  async placed() {
    const before = this.shown;
    this.shown = await until("an order is shown", async () => {
      const id = (await this.page.evaluate(() => location.hash)).slice(1);
      return id && id !== before && (await this.page.isVisible("#detail")) && id;
    });
    return this.shown;
  }

  /** Waits until the order that is open has that status, as its head tells it. */
  async status(status) {
    await this.page.waitForSelector(`#detail .head .badge[data-status=${status}]`);
  }

  /** Waits until the order that is open means that, at the moment that the slider shows. */
  async means(status) {
    await this.page.waitForSelector(`#detail .meaning dd .badge[data-status=${status}]`);
  }

  async screenshot(name) {
    await this.page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
  }

  /** Nothing on the page keeps somebody out, in the eyes of axe. */
  async isAccessible(exclude = []) {
    // Through the debugger, which the page's Content-Security-Policy does not bind.
    await this.page.evaluate(await readFile(axe, "utf8"));
    const found = await this.page.evaluate(async (exclude) => {
      const { violations } = await window.axe.run({ include: [["html"]], exclude }, { resultTypes: ["violations"] });
      return violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map((node) => `${node.html}: ${node.failureSummary}`) }));
    }, exclude);
    assert.deepEqual(found, []);
  }

  /** No page is wider than the screen that it is shown on. */
  async fits() {
    const [page, screen] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(page <= screen, `the page is ${page} pixels wide, the screen ${screen}`);
  }

  async leave() {
    const complaints = this.complaints.filter((text) => !this.tolerated.some((tolerated) => tolerated.test(text)));
    await this.context.close();
    assert.deepEqual(complaints, [], "the page complains");
    assert.deepEqual(this.elsewhere, [], "the page asks somebody else");
  }
}
