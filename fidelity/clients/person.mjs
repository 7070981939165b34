// What a client's script is told on its standard input, and the person at the browser, whom the control API plays.
import { readFileSync } from "node:fs";

export const said = JSON.parse(readFileSync(0, "utf8")); // {base, app: {client_id, client_secret, callback}, username, scope}
export const tell = (facts) => console.log(JSON.stringify(facts));

export async function browse(address, decision = "approve") {
  const via = new URL(address).pathname.startsWith("/api/") ? "native" : "shim";
  const query = Object.fromEntries(new URL(address).searchParams);
  const answer = await fetch(`${said.base}/_control/authorize`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...query, username: said.username, decision, via }),
  });
  const { location } = await answer.json();
  return new URL(location);
}

export async function use(accessToken) {
  const headers = { authorization: `Bearer ${accessToken}`, "trakt-api-key": said.app.client_id, "trakt-api-version": "2" };
  return (await fetch(`${said.base}/users/settings`, { headers })).status;
}

// What a step that is to fail said.
export async function refusal(step) {
  try {
    await step();
  } catch (error) {
    return { code: error.code ?? null, error: error.error ?? null, message: error.message };
  }
  return null;
}
