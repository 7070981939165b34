// openid-client through a whole login at a local Trakt: discovery, code + PKCE, refresh, introspection, revocation.
import * as client from "openid-client";
import { browse, refusal, said, tell, use } from "./person.mjs";

const { app, base, scope } = said;
const proof = app.client_secret
  ? { post: client.ClientSecretPost(app.client_secret), basic: client.ClientSecretBasic(app.client_secret) }
  : { post: client.None(), basic: client.None() };
const algorithm = said.openid ? "oidc" : "oauth2";

const discovered = (how) =>
  client.discovery(new URL(base), app.client_id, undefined, proof[how], { algorithm, execute: [client.allowInsecureRequests] });

async function signIn(config, decision) {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), said.openid ? client.randomNonce() : undefined];
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: app.callback,
    scope,
    state,
    ...(nonce ? { nonce } : {}),
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const landed = await browse(address, decision);
  return client.authorizationCodeGrant(config, landed, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
  });
}

const config = await discovered("post");
const first = await signIn(config);
const facts = { issuer: config.serverMetadata().issuer, tokenType: first.token_type, expiresIn: first.expires_in };
facts.firstWorks = await use(first.access_token);
if (said.openid) {
  const { sub } = first.claims();
  facts.userInfo = await client.fetchUserInfo(config, first.access_token, sub);
}
const second = await client.refreshTokenGrant(config, first.refresh_token);
facts.rotated = second.refresh_token !== first.refresh_token;
facts.secondWorks = await use(second.access_token);
if (app.client_secret) {
  facts.active = (await client.tokenIntrospection(config, second.access_token)).active;
  facts.basic = (await client.tokenIntrospection(await discovered("basic"), second.access_token)).active;
}
await client.tokenRevocation(config, second.refresh_token);
facts.afterRevocation = await use(second.access_token);
facts.refreshAfterRevocation = await refusal(() => client.refreshTokenGrant(config, second.refresh_token));
if (said.denied) facts.denied = await refusal(() => signIn(config, "deny"));
facts.device = await refusal(() => client.initiateDeviceAuthorization(config, { scope }));
tell(facts);
