// oidc-provider in memory, refresh tokens rotated at each use. Usage: node server.mjs PORT TOKENS
import { writeFileSync } from "node:fs";
import Provider from "oidc-provider";

const [port, file] = process.argv.slice(2);
const client = {
  client_id: "c".repeat(64),
  client_secret: "s".repeat(64),
  grant_types: ["authorization_code", "refresh_token"],
  redirect_uris: ["https://couch.example/callback"],
  token_endpoint_auth_method: "client_secret_post",
};

// The package's own adapter keeps the last 1000 entries only, and so forgets grants under load.
const kept = new Map();
class Memory {
  constructor(model) { this.model = model; }
  async upsert(id, payload) { kept.set(`${this.model}:${id}`, payload); }
  async find(id) { return kept.get(`${this.model}:${id}`); }
  async findByUid() { return undefined; }
  async findByUserCode() { return undefined; }
  async consume(id) { kept.get(`${this.model}:${id}`).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { kept.delete(`${this.model}:${id}`); }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key);
  }
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Memory,
  clients: [client],
  cookies: { keys: ["bench"] },
  features: { devInteractions: { enabled: false } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: true,
  routes: { token: "/oauth/token" },
  scopes: ["public", "offline_access"],
  ttl: { AccessToken: 604800, Grant: 2592000, RefreshToken: 2592000 },
});
const known = await provider.Client.find(client.client_id);
const scope = "public offline_access";
const tokens = [];
for (let number = 0; number < 64; number += 1) {
  const accountId = `user-${number}`;
  const grant = new provider.Grant({ accountId, clientId: client.client_id });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId, client: known, grantId, scope, gty: "authorization_code", rotations: 0,
  });
  tokens.push(await token.save());
}
provider.listen(Number(port), "127.0.0.1", () => writeFileSync(file, JSON.stringify(tokens)));
