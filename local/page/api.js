// Calling the API as a guest, as a customer or as staff: where credentials come from, and one request.

const CALLER = "caller";

/** Who the visitor is, kept between visits: `{ as: "guest" | "customer" | "staff", name }`. */
export function rememberedCaller() {
  try {
    const caller = JSON.parse(localStorage.getItem(CALLER));
    if (["guest", "customer", "staff"].includes(caller?.as)) return caller;
  } catch {
    // Whatever is stored there, it is no caller.
  }
  return { as: "customer", name: "alice" };
}

export function rememberCaller(caller) {
  localStorage.setItem(CALLER, JSON.stringify(caller));
}

/** The `type` of the error that there is no answer at all. */
export const NO_ANSWER = "network";

/** No data; `type` is the errorType of GraphQL, the HTTP status, or `NO_ANSWER`. */
export class ApiError extends Error {
  constructor(message, type) {
    super(message);
    this.type = type;
  }
}

/** Sends JSON, and answers `{ response, text }`: also the text may stay away. */
async function post(path, headers, content) {
  const [method, body] = ["POST", JSON.stringify(content)];
  try {
    const response = await fetch(path, { method, headers: { "content-type": "application/json", ...headers }, body });
    return { response, text: await response.text() };
  } catch {
    throw new ApiError("The server did not answer.", NO_ANSWER);
  }
}

/** One caller, with credentials that are fetched when they are first needed and again before they expire. */
export class Caller {
  #given = null;
  #asking = null;

  constructor({ as, name }) {
    this.as = as;
    this.name = name;
    this.origin = location.origin;
  }

  /** `{ apiKey, region, token, customerId, expiresAt }`; a guest has no token and no customerId. */
  async credentials() {
    const fresh = this.#given && (!this.#given.expiresAt || Date.now() < this.#given.renewAt);
    return fresh ? this.#given : (this.#asking ??= this.#ask().finally(() => (this.#asking = null)));
  }

  /** What a request, or a subscription, is authorised with. */
  async authorization() {
    const { apiKey, token } = await this.credentials();
    return this.as === "guest" ? { "x-api-key": apiKey } : { authorization: token };
  }

  /** The server takes these credentials no longer: the next call asks for new ones. */
  forget() {
    this.#given = null;
  }

  /** Runs a query or a mutation; with `partial`, data is worth having beside errors. */
  async graphql(query, variables = {}, { partial = false } = {}) {
    const { data, errors } = await this.#post({ query, variables });
    if (errors?.length && !(partial && data)) {
      throw new ApiError(errors.map((error) => error.message).join("\n"), errors[0].errorType);
    }
    return data;
  }

  async #post(request, again = true) {
    const { response, text } = await post("/graphql", await this.authorization(), request);
    if (response.status === 401 && again) {
      this.forget();
      return this.#post(request, false);
    }
    const answer = JSON.parse(text);
    if (!response.ok) throw new ApiError(answer.errors?.[0]?.message ?? response.statusText, response.status);
    return answer;
  }

  async #ask() {
    const { response, text } = await post("/local/credentials", {}, { as: this.as, name: this.name });
    const given = JSON.parse(text);
    if (!response.ok) throw new ApiError(given.message, response.status);
    // Renewed with a minute to spare, or half of the lifetime if that is shorter.
    const left = given.expiresAt - Date.now();
    this.#given = { ...given, renewAt: given.expiresAt - Math.min(60_000, left / 2) };
    return this.#given;
  }
}
