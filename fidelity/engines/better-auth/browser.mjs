// A person at a browser: signs in, follows redirects within the engine, answers its questions.
import { createHmac } from "node:crypto";

const JSON_BODY = { "content-type": "application/json" };

export class Browser {
  constructor(engine, secret) {
    this.engine = engine;
    this.secret = secret;
  }

  async signIn({ email, password }, oauth_query) {
    const answer = await this.#post("/api/auth/sign-in/email", { email, password, oauth_query });
    const cookie = answer.headers.getSetCookie().map((field) => field.split(";")[0]).join("; ");
    return { cookie, url: (await answer.json()).url };
  }

  asSession(token) {
    const signature = createHmac("sha256", this.secret).update(token).digest("base64");
    return this.with(`better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}`, null, true);
  }

  // Where a browser with this cookie ends that begins at a path: {location, status, body}.
  with(cookie, person, approves) {
    return { walk: (path) => this.#walk(path, cookie, person, approves) };
  }

  async #walk(path, cookie, person, approves) {
    for (let hops = 0; hops < 8; hops++) {
      const at = new URL(path, this.engine.base);
      if (at.origin !== this.engine.base || at.pathname === "/api/auth/error") return { location: path, status: 302 };
      const query = at.search.slice(1);
      if (at.pathname === "/sign-in") {
        const signedIn = await this.signIn(person, query);
        if (!signedIn.url) return { location: null, status: 400 };
        [cookie, path] = [signedIn.cookie || cookie, signedIn.url];
      } else if (at.pathname === "/consent") {
        const answer = await this.#post("/api/auth/oauth2/consent", { accept: approves, oauth_query: query }, cookie);
        path = (await answer.json()).url;
      } else {
        const answer = await this.engine.answer(new Request(at, { headers: { cookie, accept: "text/html" } }));
        const next = answer.headers.get("location");
        if (!next) return { location: null, status: answer.status, body: await answer.text() };
        path = next;
      }
    }
    throw new Error("redirected in circles");
  }

  #post(path, members, cookie) {
    const headers = { ...JSON_BODY, origin: this.engine.base, ...(cookie ? { cookie } : {}) };
    return this.engine.auth.handler(
      new Request(this.engine.base + path, { method: "POST", headers, body: JSON.stringify(members) }),
    );
  }
}
