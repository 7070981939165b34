// better-auth with its oauth-provider, jwt and device-authorization plugins, on a SQLite database in memory, with the
// apps and users of seed.json.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { SqliteDialect } from "kysely";
import Database from "libsql";
import { betterAuth } from "better-auth";
import { deviceAuthorization, jwt } from "better-auth/plugins";
import { oauthProvider } from "@better-auth/oauth-provider";

export const seed = JSON.parse(readFileSync(new URL("./seed.json", import.meta.url), "utf8"));
export const hashed = (text) => createHash("sha256").update(text).digest("base64url");
export const SCOPES = ["public", "openid", "profile", "email", "offline_access"];
const DAY = 24 * 60 * 60;
const APPS = new Set(["trusted", "consent", "public"]); // the others are the profile classic's

export async function start(base) {
  const database = new Database(":memory:");
  database.exec("PRAGMA foreign_keys = ON");
  const apps = new Map();
  const auth = betterAuth({
    baseURL: base,
    basePath: "/api/auth",
    secret: "interop-secret-that-protects-nothing-0123456789abcdef",
    telemetry: { enabled: false },
    logger: { level: process.env.LOG_LEVEL ?? "error" },
    database: { dialect: new SqliteDialect({ database }), type: "sqlite" },
    emailAndPassword: { enabled: true },
    session: { storeSessionInDatabase: true, expiresIn: 60 * DAY },
    rateLimit: { enabled: false },
    plugins: [
      jwt({ jwt: { issuer: base } }),
      oauthProvider({
        loginPage: "/sign-in",
        consentPage: "/consent",
        scopes: SCOPES,
        codeExpiresIn: 600,
        accessTokenExpiresIn: Number(process.env.ACCESS_TTL ?? 7 * DAY), // 7 days at Trakt
        refreshTokenExpiresIn: 30 * DAY, // better-auth's default
        silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
      }),
      deviceAuthorization({
        schema: {},
        expiresIn: "10m",
        interval: `${process.env.INTERVAL ?? 5}s`,
        verificationUri: `${base}/activate`,
        validateClient: (id) => apps.has(id),
      }),
    ],
  });
  const context = await auth.$context;
  await context.runMigrations();
  for (const user of seed.users) await signUp(auth, user);
  for (const app of seed.apps.filter((app) => APPS.has(app.name))) {
    apps.set(app.client_id, app);
    await context.adapter.create({ model: "oauthClient", data: asClient(app) });
  }
  return { base, auth, database, context, apps };
}

export const signUp = (auth, { username, password, email }) =>
  auth.api.signUpEmail({ body: { email, password, name: username } });

function asClient(app) {
  const now = new Date();
  return {
    clientId: app.client_id,
    clientSecret: app.client_secret ? hashed(app.client_secret) : undefined,
    name: app.name,
    disabled: false,
    skipConsent: app.trusted,
    requirePKCE: app.require_pkce,
    scopes: SCOPES,
    redirectUris: app.redirect_uris,
    grantTypes: ["authorization_code", "refresh_token"],
    responseTypes: ["code"],
    public: !app.confidential,
    type: app.confidential ? "web" : "native",
    tokenEndpointAuthMethod: app.confidential ? "client_secret_post" : "none",
    createdAt: now,
    updatedAt: now,
  };
}
