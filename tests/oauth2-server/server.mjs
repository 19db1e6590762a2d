// An OAuth2 server that others wrote (oidc-provider), at FreePBX's addresses: what it takes and refuses is its own.
// Somebody always confirms; the one resource behind it looks its tokens up.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const SECRET = process.env.SECRET;
const LIFETIME = Number(process.env.LIFETIME);

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const client = (id, type, more) => ({
  client_id: id, client_secret: SECRET, token_endpoint_auth_method: 'client_secret_post', application_type: type, ...more,
});
const provider = new Provider(issuer, {
  clients: [
    client('machine', 'web', { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }),
    client('person', 'native', {
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['http://127.0.0.1/callback'],
      response_types: ['code'],
    }),
  ],
  scopes: ['gql'],
  routes: { authorization: '/admin/api/api/authorize', token: '/admin/api/api/token' },
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  pkce: { methods: ['S256'], required: () => true },
  issueRefreshToken: async (ctx, asking) => asking.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  ttl: { AccessToken: LIFETIME, ClientCredentials: LIFETIME, AuthorizationCode: 60, RefreshToken: 3600 },
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  interactions: { url: async (ctx, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ['made-up'] },
});
const oauth = provider.callback();

async function confirm(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'somebody' } });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope ?? '');
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function list(request, response) {
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  const known = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
  const answer = known && !known.isExpired
    ? [200, { data: { fetchAllExtensions: { status: true, message: '', totalCount: 3 } } }]
    : [401, { error: 'access_denied', message: 'The resource owner or authorization server denied the request.' }];
  response.writeHead(answer[0], { 'content-type': 'application/json' }).end(JSON.stringify(answer[1]));
}

server.on('request', (request, response) => {
  const handle = request.url.startsWith('/interaction/') ? confirm
    : request.url === '/admin/api/api/gql' ? list : oauth;
  Promise.resolve(handle(request, response)).catch((error) => response.writeHead(500).end(String(error)));
});
console.log(`listening at ${issuer} .`);
