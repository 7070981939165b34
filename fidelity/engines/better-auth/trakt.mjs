// What may stand between Trakt's documented paths and better-auth. Trakt's own glue is closed: this is a guess, so that a
// difference here proves nothing about Trakt. JSON bodies in, Trakt's members and statuses out.
import { randomBytes } from "node:crypto";
import { hashed } from "./engine.mjs";

const FORM = "application/x-www-form-urlencoded";
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const VERIFIER = "interop-verifier-that-clients-do-not-know-0123456789";
export const SCOPE = "public offline_access";
const POLLED = { authorization_pending: 400, invalid_grant: 404, expired_token: 410, access_denied: 418, slow_down: 429 };

export const inForm = (members) =>
  new URLSearchParams(Object.entries(members).filter(([, value]) => value !== undefined && value !== null)).toString();
const inJson = (status, members, headers = {}) =>
  new Response(JSON.stringify(members), { status, headers: { "content-type": "application/json; charset=utf-8", ...headers } });
const empty = (status) => new Response(null, { status });
const refused = (status, error, error_description) => inJson(status, { error, error_description });

export class Trakt {
  constructor(engine) {
    this.engine = engine;
    this.used = new Set(); // device codes that tokens were given for: Trakt says 409, the engine forgets them
    this.challenges = new Map(); // of device codes
  }

  routes() {
    return {
      "GET /oauth/authorize": (request) => this.authorize(new URL(request.url).searchParams),
      "POST /oauth/token": (request) => this.token(request),
      "POST /oauth/revoke": (request) => this.revoke(request),
      "POST /oauth/device/code": (request) => this.deviceCode(request),
      "POST /oauth/device/token": (request) => this.deviceToken(request),
      "GET /users/settings": (request) => this.settings(request),
    };
  }

  completed(query) {
    const asked = new URLSearchParams(query);
    if (!asked.get("scope")) asked.set("scope", SCOPE);
    if (!asked.get("code_challenge")) {
      asked.set("code_challenge", hashed(VERIFIER));
      asked.set("code_challenge_method", "S256");
    }
    if (asked.get("signup") === "true" && !asked.get("prompt")) asked.set("prompt", "create");
    return asked;
  }

  authorize(query) {
    return new Response(null, { status: 307, headers: { location: `/api/auth/oauth2/authorize?${this.completed(query)}` } });
  }

  async token(request) {
    const said = (await spoken(request)).members;
    if (said.grant_type === "authorization_code" && said.client_secret && !said.code_verifier) said.code_verifier = VERIFIER;
    if (said.grant_type === "refresh_token") delete said.redirect_uri;
    return asDocumented(await this.#native("token", said));
  }

  async revoke(request) {
    const { token, token_type_hint, client_id, client_secret } = (await spoken(request)).members;
    const answer = await this.#native("revoke", { token, token_type_hint, client_id, client_secret });
    return answer.status === 200 ? inJson(200, {}) : answer;
  }

  async deviceCode(request) {
    const { media, members: said } = await spoken(request);
    if (media !== "json" || !said.client_id) return refused(400, "invalid_request", "client_id is required");
    const answer = await this.#device("code", { client_id: said.client_id, scope: SCOPE });
    const told = await answer.json();
    if (answer.status !== 200) return refused(answer.status, told.error ?? "invalid_client", "client_id is required");
    if (said.code_challenge) this.challenges.set(told.device_code, said.code_challenge);
    const { device_code, user_code, verification_uri: verification_url, expires_in, interval } = told;
    const members = { device_code, user_code, verification_url, expires_in, interval };
    return inJson(200, members, { "cache-control": "no-store" });
  }

  async deviceToken(request) {
    const { media, members: said } = await spoken(request);
    if (media !== "json" || !said.client_id) return refused(400, "invalid_request", "client_id is required");
    const app = this.engine.apps.get(said.client_id);
    if (!app) return refused(401, "invalid_client", "missing client");
    if (!said.code) return refused(400, "invalid_request", "code is required");
    if (!this.#proven(app, said)) return refused(401, "invalid_client", "invalid client_secret");
    if (this.used.has(said.code)) return empty(409);
    const polled = { grant_type: DEVICE_GRANT, device_code: said.code, client_id: said.client_id };
    const answer = await this.#device("token", polled);
    if (answer.status !== 200) return empty(POLLED[(await answer.json()).error] ?? answer.status);
    this.used.add(said.code);
    return this.#pairOf(app, (await answer.json()).access_token);
  }

  settings(request) {
    const token = (request.headers.get("authorization") ?? "").replace(/^Bearer /i, "");
    const found = this.engine.database
      .prepare("select expiresAt from oauthAccessToken where token = ?")
      .all(hashed(token))[0];
    if (found && new Date(found.expiresAt) > new Date()) return inJson(200, { user: { username: "user" } });
    const challenge = 'Bearer realm="Trakt", error="invalid_token", error_description="The access token is invalid"';
    return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
  }

  #proven(app, said) {
    const challenge = this.challenges.get(said.code);
    if (challenge && said.code_verifier && hashed(said.code_verifier) === challenge) return true;
    return !app.client_secret || said.client_secret === app.client_secret;
  }

  // The engine gives a device a session, not OAuth tokens: ask for a code in that session and exchange it.
  async #pairOf(app, session) {
    const verifier = randomBytes(32).toString("base64url");
    const redirect_uri = app.redirect_uris[0];
    const asked = {
      response_type: "code", client_id: app.client_id, redirect_uri, scope: SCOPE,
      code_challenge: hashed(verifier), code_challenge_method: "S256",
    };
    const landed = await this.engine.browser.asSession(session).walk(`/api/auth/oauth2/authorize?${inForm(asked)}`);
    const code = new URL(landed.location).searchParams.get("code");
    return asDocumented(
      await this.#native("token", {
        grant_type: "authorization_code", code, redirect_uri, code_verifier: verifier,
        client_id: app.client_id, client_secret: app.client_secret,
      }),
    );
  }

  #native(name, members) {
    const request = { method: "POST", headers: { "content-type": FORM }, body: inForm(members) };
    return this.engine.auth.handler(new Request(`${this.engine.base}/api/auth/oauth2/${name}`, request));
  }

  #device(name, members) {
    const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(members) };
    return this.engine.auth.handler(new Request(`${this.engine.base}/api/auth/device/${name}`, request));
  }
}

async function spoken(request) {
  const text = await request.text();
  if ((request.headers.get("content-type") ?? "").includes(FORM))
    return { media: "form", members: Object.fromEntries(new URLSearchParams(text)) };
  try {
    const value = JSON.parse(text || "{}");
    const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
    return { media: "json", members: isObject ? value : {} };
  } catch {
    return { media: "unreadable", members: {} };
  }
}

async function asDocumented(answer) {
  if (answer.status !== 200) return answer;
  const { access_token, expires_in, expires_at, refresh_token, scope } = await answer.json();
  const created_at = expires_at - expires_in;
  return inJson(200, { access_token, token_type: "bearer", expires_in, refresh_token, scope, created_at });
}
