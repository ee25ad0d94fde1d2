/** The tokens of the API, by the API. */
import { grantToken, withdrawToken } from '../../access/grants.ts';
import { roles } from '../../access/roles.ts';
import { tokensIn } from '../../access/tokens.ts';
import { defineOperation } from '../operation.ts';

const name = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' } as const;
const role = { type: 'string', enum: roles } as const;

const common = { tag: 'Access', role: 'admin' } as const;

export const listTokens = defineOperation({
  ...common,
  id: 'listTokens',
  summary: 'The tokens there are, without what they are',
  method: 'get',
  path: '/api/tokens',
  response: {
    type: 'object',
    required: ['tokens'],
    properties: {
      tokens: {
        type: 'array',
        items: {
          type: 'object',
          required: ['name', 'role', 'created'],
          properties: {
            name,
            role,
            created: { type: 'string', format: 'date-time' },
            lastUsed: { type: 'string', format: 'date-time' },
          },
        },
      },
    },
  },
  handle: (_, { store }) => ({ tokens: tokensIn(store).list() }),
});

export const createToken = defineOperation({
  ...common,
  id: 'createToken',
  summary: 'Make a token; it is shown this once',
  description: 'From the first token on each request needs one: make that one for an admin.',
  method: 'post',
  path: '/api/tokens',
  body: {
    type: 'object',
    required: ['name', 'role'],
    additionalProperties: false,
    properties: { name, role },
  },
  example: { name: 'ci', role: 'operator' },
  response: {
    type: 'object',
    required: ['name', 'role', 'token'],
    properties: { name, role, token: { type: 'string' } },
  },
  handle: ({ body: { name, role }, caller }, service) => ({
    name,
    role,
    token: grantToken(service, caller, name, role),
  }),
});

export const revokeToken = defineOperation({
  ...common,
  id: 'revokeToken',
  summary: 'Make a token worthless',
  method: 'delete',
  path: '/api/tokens/{name}',
  response: { type: 'object' },
  handle: ({ path: { name: revoked = '' }, caller }, service) => {
    withdrawToken(service, caller, revoked);
    return {};
  },
});
