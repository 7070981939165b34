// The control API of the local Trakt, at the real engine: what the browser does, and states that no request can reach.
// Names and members are those of docs; `session` is added, which gives the cookie of a signed-in browser.
import { advance, putBack } from "./clock.mjs";
import { hashed, seed, signUp } from "./engine.mjs";
import { inForm } from "./trakt.mjs";

const PATHS = { native: "/api/auth/oauth2/authorize", shim: "/oauth/authorize" };
const TABLES = {
  code: ["verification", "identifier", hashed],
  access: ["oauthAccessToken", "token", hashed],
  refresh: ["oauthRefreshToken", "token", hashed],
  device: ["deviceCode", "deviceCode", (value) => value],
};
const FORGOTTEN = ["oauthAccessToken", "oauthRefreshToken", "oauthConsent", "verification", "deviceCode"];

export class Control {
  constructor(engine) {
    this.engine = engine;
    this.people = new Map(seed.users.map((user) => [user.username, user]));
    this.sessions = new Map();
  }

  async authorize({ username, decision = "approve", via = "shim", ...query }) {
    const person = await this.#person(username);
    if (via === "shim") query.response_type ??= "code";
    const browser = this.engine.browser.with(await this.#cookie(person), person, decision === "approve");
    const { location, status, body } = await browser.walk(`${PATHS[via]}?${inForm(query)}`);
    const parameters = new URLSearchParams(location?.split("?")[1] ?? "");
    return { location, status, body, code: parameters.get("code"), state: parameters.get("state") };
  }

  async session({ username }) {
    return { cookie: await this.#cookie(await this.#person(username)) };
  }

  async device({ user_code, username, decision }) {
    const cookie = await this.#cookie(await this.#person(username));
    const { auth, base } = this.engine;
    await auth.handler(new Request(`${base}/api/auth/device?${inForm({ user_code })}`, { headers: { cookie } }));
    const headers = { "content-type": "application/json", cookie, origin: base };
    const body = JSON.stringify({ userCode: user_code });
    return (await auth.handler(new Request(`${base}/api/auth/device/${decision}`, { method: "POST", headers, body }))).json();
  }

  expire({ kind, value }) {
    const [table, column, stored] = TABLES[kind];
    const past = new Date(Date.now() - 60_000).toISOString();
    const done = this.#run(`update ${table} set expiresAt = ? where ${column} = ?`, past, stored(value));
    if (!done.changes) throw new Error(`there is no such ${kind}`);
    return { expired: kind };
  }

  clock({ advance: seconds }) {
    advance(seconds);
    return { now: Date.now() / 1000 };
  }

  signout() {
    for (const table of ["oauthRefreshToken", "oauthAccessToken"]) this.#run(`update ${table} set sessionId = null`);
    this.#run("delete from session");
    this.sessions.clear();
    return {};
  }

  "revoke-consent"({ client_id }) {
    this.#run("delete from oauthConsent where clientId = ?", client_id);
    return {};
  }

  "disable-app"({ client_id, disabled }) {
    this.#run("update oauthClient set disabled = ? where clientId = ?", disabled ? 1 : 0, client_id);
    return {};
  }

  reset() {
    putBack();
    for (const table of FORGOTTEN) this.#run(`delete from ${table}`);
    this.engine.trakt.used.clear();
    return {};
  }

  async #person(username) {
    const known = this.people.get(username);
    if (known) return known;
    const person = { username, password: `password of ${username}`, email: `${username}@example.test` };
    this.people.set(username, person);
    await signUp(this.engine.auth, person);
    return person;
  }

  async #cookie(person) {
    if (!this.sessions.has(person.username))
      this.sessions.set(person.username, (await this.engine.browser.signIn(person)).cookie);
    return this.sessions.get(person.username);
  }

  #run(statement, ...values) {
    return this.engine.database.prepare(statement).run(...values);
  }
}
