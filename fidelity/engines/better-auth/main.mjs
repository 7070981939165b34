// better-auth on loopback: its own paths, Trakt's paths in front of them, and a control API. `node main.mjs PORT`
import "./clock.mjs";
import http from "node:http";
import { readFileSync } from "node:fs";
import { Browser } from "./browser.mjs";
import { Control } from "./control.mjs";
import { start } from "./engine.mjs";
import { Trakt } from "./trakt.mjs";

const port = Number(process.argv[2]);
const base = `http://127.0.0.1:${port}`;
const engine = await start(base);
engine.browser = new Browser(engine, engine.context.secret);
engine.trakt = new Trakt(engine);
engine.answer = answer;
const control = new Control(engine);
const routes = engine.trakt.routes();

async function answer(request) {
  const path = new URL(request.url).pathname.replace(/\/{2,}/g, "/");
  if (path.startsWith("/_control/")) return controlled(path.slice("/_control/".length), request);
  const route = routes[`${request.method} ${path}`];
  if (route) return route(request);
  if (path.startsWith("/api/auth") || path.startsWith("/.well-known/")) return engine.auth.handler(request);
  if (["/oauth/introspect", "/oauth/userinfo"].includes(path))
    return engine.auth.handler(new Request(`${base}/api/auth/oauth2/${path.slice("/oauth/".length)}`, request));
  return new Response("not found", { status: 404 });
}

async function controlled(name, request) {
  if (!Object.getOwnPropertyNames(Control.prototype).includes(name)) return new Response("no such call", { status: 404 });
  return Response.json(await control[name](JSON.parse((await request.text()) || "{}")));
}

async function heard(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = new Headers();
  for (let at = 0; at < request.rawHeaders.length; at += 2) headers.append(request.rawHeaders[at], request.rawHeaders[at + 1]);
  const body = ["GET", "HEAD"].includes(request.method) || !chunks.length ? undefined : Buffer.concat(chunks);
  return new Request(base + request.url, { method: request.method, headers, body });
}

async function tell(answer, response) {
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => name !== "set-cookie"));
  const cookies = answer.headers.getSetCookie();
  response.writeHead(answer.status, cookies.length ? { ...headers, "set-cookie": cookies } : headers);
  response.end(Buffer.from(await answer.arrayBuffer()));
}

const version = (name) =>
  JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
const versions = ["better-auth", "@better-auth/oauth-provider"].map((name) => `${name} ${version(name)}`);

http
  .createServer(async (request, response) => {
    try {
      await tell(await answer(await heard(request)), response);
    } catch (error) {
      response.writeHead(500, { "content-type": "text/plain" });
      response.end(String(error?.message ?? error));
    }
  })
  .listen(port, "127.0.0.1", () => console.log(`ready ${base} ${versions.join(" / ")} / node ${process.version}`));
