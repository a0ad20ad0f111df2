// oidc-provider (certified by the OpenID Foundation) as a process of its own. Tells its port, then reads from its
// standard input one line: the algorithm and the address to come back to. Ends with its standard input.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

console.info = console.warn = () => {}; // it warns of its own development pages

const server = createServer();
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));

createInterface({ input: process.stdin })
  .once("line", (line) => {
    const [algorithm, back] = line.split(" ");
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const keys = [
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
      generateKeyPairSync("ec", { namedCurve: "P-256" }),
    ].map(({ privateKey }, at) => ({ ...privateKey.export({ format: "jwk" }), kid: `key-${at}`, use: "sig" }));
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: "tiepdon-desk",
          client_secret: "a secret: with / signs & spaces",
          redirect_uris: [back],
          id_token_signed_response_alg: algorithm,
        },
      ],
      jwks: { keys },
      cookies: { keys: ["one"] },
      pkce: { required: () => true },
      claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email", "email_verified"] },
      conformIdTokenClaims: false,
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: id, preferred_username: id, email: `${id}@example.invalid`, email_verified: true }),
      }),
      async loadExistingGrant(context) {
        const { client, session } = context.oidc;
        const grant = new context.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
        grant.addOIDCScope("openid profile email");
        await grant.save();
        return grant;
      },
    });
    server.on("request", provider.callback());
    process.stdout.write("ready\n");
  })
  .once("close", () => process.exit(0));
