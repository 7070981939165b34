// oauth4webapi through a whole login at a local Trakt, step by step as its examples go.
import * as oauth from "oauth4webapi";
import { browse, refusal, said, tell, use } from "./person.mjs";

const { app, base, scope } = said;
const options = { [oauth.allowInsecureRequests]: true };
const client = { client_id: app.client_id };
const proof = app.client_secret ? oauth.ClientSecretPost(app.client_secret) : oauth.None();
const basic = app.client_secret ? oauth.ClientSecretBasic(app.client_secret) : oauth.None();

const issuer = new URL(base);
const found = await oauth.discoveryRequest(issuer, { ...options, algorithm: "oauth2" });
const server = await oauth.processDiscoveryResponse(issuer, found);

async function signIn(how, decision) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const address = new URL(server.authorization_endpoint);
  address.search = new URLSearchParams({
    client_id: app.client_id,
    redirect_uri: app.callback,
    response_type: "code",
    scope,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const parameters = oauth.validateAuthResponse(server, client, await browse(address, decision), state);
  const exchanged = await oauth.authorizationCodeGrantRequest(server, client, how, parameters, app.callback, verifier, options);
  return oauth.processAuthorizationCodeResponse(server, client, exchanged);
}

async function renewed(token) {
  const answer = await oauth.refreshTokenGrantRequest(server, client, proof, token, options);
  return oauth.processRefreshTokenResponse(server, client, answer);
}

async function isActive(token) {
  const answer = await oauth.introspectionRequest(server, client, proof, token, options);
  return (await oauth.processIntrospectionResponse(server, client, answer)).active;
}

async function revoke(token) {
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, proof, token, options));
}

async function device() {
  const answer = await oauth.deviceAuthorizationRequest(server, client, proof, { scope }, options);
  return oauth.processDeviceAuthorizationResponse(server, client, answer);
}

const first = await signIn(proof);
const facts = { issuer: server.issuer, tokenType: first.token_type, expiresIn: first.expires_in };
facts.firstWorks = await use(first.access_token);
facts.basic = await use((await signIn(basic)).access_token);
const second = await renewed(first.refresh_token);
facts.rotated = second.refresh_token !== first.refresh_token;
facts.secondWorks = await use(second.access_token);
if (app.client_secret) facts.active = await isActive(second.access_token);
await revoke(second.refresh_token);
facts.afterRevocation = await use(second.access_token);
facts.refreshAfterRevocation = await refusal(() => renewed(second.refresh_token));
if (said.denied) facts.denied = await refusal(() => signIn(proof, "deny"));
facts.device = await refusal(device);
tell(facts);
