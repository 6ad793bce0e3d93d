// AppSync's real-time protocol in a browser: one socket for all subscriptions, opened again whenever it is lost.
// Source: AppSync developer guide, "Building a real-time WebSocket client".

const ACK_TIMEOUT = 15_000;
const LONGEST_PAUSE = 15_000;

export class Realtime {
  #caller;
  #onState;
  #socket = null;
  #subscriptions = new Map();
  #attempts = 0;
  #retry = 0;
  #watchdog = 0;
  #timeout = ACK_TIMEOUT;
  #acknowledged = false;
  #closed = false;

  /** `onState` is told "connecting", "live" or "waiting" (for the next attempt). */
  constructor(caller, onState = () => {}) {
    this.#caller = caller;
    this.#onState = onState;
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#connect();
  }

  /**
   * Subscribes, again after each loss of the connection. `sink.started` is called at every `start_ack`: what happened
   * before it must be read. `sink.next` gets each event's `{ data, errors }`, `sink.error` why there will be none.
   * Returns how to stop.
   */
  subscribe(query, variables, sink) {
    const id = crypto.randomUUID();
    this.#subscriptions.set(id, { data: JSON.stringify({ query, variables }), sink });
    if (this.#acknowledged) this.#start(id);
    return () => {
      if (this.#subscriptions.delete(id) && this.#acknowledged) this.#send({ id, type: "stop" });
    };
  }

  close() {
    this.#closed = true;
    this.#subscriptions.clear();
    removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    clearTimeout(this.#retry);
    this.#drop();
  }

  /** A page that is looked at again, or a network that is back, does not wait for the next attempt. */
  #hurry = () => {
    if (this.#retry && !document.hidden) {
      clearTimeout(this.#retry);
      this.#connect();
    }
  };

  async #connect() {
    this.#retry = 0;
    this.#onState("connecting");
    const socket = await this.#open().catch(() => null);
    if (this.#closed) {
      this.#socket = socket;
      return this.#drop();
    }
    if (!socket) return this.#lost();
    this.#socket = socket;
    this.#timeout = ACK_TIMEOUT;
    this.#alive();
    socket.onopen = () => this.#send({ type: "connection_init" });
    socket.onclose = () => this.#lost();
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
  }

  async #open() {
    const header = JSON.stringify({ host: location.host, ...(await this.#caller.authorization()) });
    // Base64url without padding: a sub-protocol is a token of HTTP, which has no `=` and no `/`.
    const encoded = btoa(header).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const url = new URL("/graphql/realtime", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    return new WebSocket(url, ["graphql-ws", `header-${encoded}`]);
  }

  #hear(message) {
    this.#alive();
    const sink = this.#subscriptions.get(message.id)?.sink;
    switch (message.type) {
      case "connection_ack":
        this.#timeout = message.payload?.connectionTimeoutMs ?? 300_000;
        this.#alive();
        this.#attempts = 0;
        this.#acknowledged = true;
        this.#onState("live");
        for (const id of this.#subscriptions.keys()) this.#start(id);
        break;
      case "start_ack":
        clearTimeout(this.#subscriptions.get(message.id)?.waiting);
        sink?.started?.();
        break;
      case "data":
        sink?.next(message.payload);
        break;
      case "error":
        clearTimeout(this.#subscriptions.get(message.id)?.waiting);
        this.#subscriptions.delete(message.id);
        sink?.error?.(message.payload?.errors?.[0] ?? { message: "The subscription was refused." });
        break;
      case "connection_error":
        // The token may have expired, or belong to an earlier server.
        this.#caller.forget();
        this.#drop();
        this.#lost();
        break;
    }
  }

  async #start(id) {
    const subscription = this.#subscriptions.get(id);
    const socket = this.#socket;
    const authorization = await this.#caller.authorization().catch(() => null);
    // Stopped, or begun on another socket, in the meantime.
    if (socket !== this.#socket || !this.#subscriptions.has(id)) return;
    if (!authorization) return this.#restart();
    clearTimeout(subscription.waiting);
    subscription.waiting = setTimeout(() => {
      if (socket === this.#socket && this.#subscriptions.has(id)) this.#restart();
    }, ACK_TIMEOUT);
    const extensions = { authorization: { host: location.host, ...authorization } };
    this.#send({ id, type: "start", payload: { data: subscription.data, extensions } });
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Silence for longer than the server promised means that the connection is dead. */
  #alive() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#restart(), this.#timeout);
  }

  #restart() {
    this.#drop();
    this.#lost();
  }

  #drop() {
    clearTimeout(this.#watchdog);
    this.#acknowledged = false;
    if (!this.#socket) return;
    const socket = this.#socket;
    this.#socket = null;
    socket.onopen = socket.onclose = socket.onmessage = null;
    // A browser complains of a socket that is closed before it is open.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket.close();
  }

  #lost() {
    this.#drop();
    if (this.#closed || this.#retry) return;
    // Twice as long each time, and never at the same moment as everybody else.
    const pause = Math.min(LONGEST_PAUSE, 500 * 2 ** this.#attempts++);
    this.#retry = setTimeout(() => this.#connect(), pause * (0.5 + Math.random() / 2));
    this.#onState("waiting");
  }
}
