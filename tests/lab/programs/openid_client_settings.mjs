// A program over openid-client (npm) that refreshes ten minutes ahead: the login is Trakt's response, in ~/token.json.
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const { resolve } = createRequire(path.join(process.env.NODE_PATH, "any.js"));
const client = await import(pathToFileURL(resolve("openid-client")));

const FILE = path.join(os.homedir(), "token.json");
const { TRAKT_CLIENT_ID: id, TRAKT_CLIENT_SECRET: secret } = process.env;
const server = { issuer: "https://trakt.tv", token_endpoint: "https://auth.trakt.tv/oauth/token" };
const config = new client.Configuration(server, id, {}, client.ClientSecretPost(secret));

let token = JSON.parse(fs.readFileSync(FILE));
if (token.created_at + token.expires_in < Date.now() / 1000 + 600) {
  token = await client.refreshTokenGrant(config, token.refresh_token);
  fs.writeFileSync(FILE, JSON.stringify({ created_at: Math.floor(Date.now() / 1000), ...token }));
}
const headers = new Headers({ "trakt-api-key": id, "trakt-api-version": "2" });
const url = new URL("https://api.trakt.tv/users/settings");
const response = await client.fetchProtectedResource(config, token.access_token, url, "GET", null, headers);
if (!response.ok) throw new Error(`the API answered ${response.status}`);
console.log((await response.json()).user.username);
