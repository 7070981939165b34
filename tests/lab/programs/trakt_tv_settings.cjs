// A program over trakt.tv (npm), as its documentation shows one: the login is Trakt's response, in ~/token.json.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const Trakt = require("trakt.tv");

const FILE = path.join(os.homedir(), "token.json");
const saved = JSON.parse(fs.readFileSync(FILE));
const expires = saved.expires ?? (saved.created_at + saved.expires_in) * 1000;
const trakt = new Trakt({
  client_id: process.env.TRAKT_CLIENT_ID,
  client_secret: process.env.TRAKT_CLIENT_SECRET,
  redirect_uri: process.env.TRAKT_REDIRECT_URI,
});

async function main() {
  const token = await trakt.import_token({ ...saved, expires }); // refreshes a token that has expired
  fs.writeFileSync(FILE, JSON.stringify(token));
  console.log((await trakt.users.settings()).user.username);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
