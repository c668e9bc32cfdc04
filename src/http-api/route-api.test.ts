import assert from 'node:assert/strict';
import type { ApiRequest } from './api-server.js';
import { type RoutePort, routeApi } from './route-api.js';

const TOKEN = { name: 'desk', secret: 'x', trunk: null, gateway: null, account: null, isOperator: true };

function request(path: readonly string[], query = '', token: Partial<typeof TOKEN> = {}): ApiRequest {
  return {
    token: { ...TOKEN, ...token },
    ...{ method: 'GET', path, query: new URLSearchParams(query), contentType: '', body: '' },
    header: () => undefined,
  };
}

describe('decisions over the HTTP API', () => {
  let asked: Parameters<RoutePort>[0][] = [];
  const api = routeApi((selection) => {
    asked.push(selection);
    if (selection.trunk === 'nope') return { ok: false, message: 'No trunk "nope"; there are: pbx' };
    return { ok: true, report: { dialled: selection.dialled } };
  });

  beforeEach(() => {
    asked = [];
  });

  it('are explained to the operator, with the trunk, the agent and how much was asked for', async () => {
    const answer = await api.handle(request(['route', '+821012345678'], 'trunk=pbx&agent=701&all=true&token=x'));
    assert.deepEqual(answer, { status: 200, body: { dialled: '+821012345678' } });
    await api.handle(request(['route', '010']));
    assert.deepEqual(asked, [
      { dialled: '+821012345678', trunk: 'pbx', agent: '701', all: true },
      { dialled: '010', trunk: undefined, agent: undefined, all: false },
    ]);
  });

  it('are nobody else’s', async () => {
    assert.equal((await api.handle(request(['route', '010'], '', { isOperator: false })))?.status, 403);
    assert.deepEqual(asked, []);
  });

  it('are not made of what cannot be asked', async () => {
    for (const query of ['al=true', 'all=yes', 'agent=', `trunk=${'x'.repeat(257)}`])
      assert.equal((await api.handle(request(['route', '010'], query)))?.status, 400, query);
    assert.equal((await api.handle(request(['route', ''])))?.status, 400);
    assert.equal((await api.handle(request(['route', '0'.repeat(257)])))?.status, 400);
    assert.deepEqual(asked, []);
    const { status, body } = (await api.handle(request(['route', '010'], 'trunk=nope'))) ?? {};
    assert.equal(status, 400);
    assert.match(JSON.stringify(body), /there are: pbx/);
    assert.equal(await api.handle(request(['route'])), null);
    assert.equal(await api.handle(request(['route', '010', 'more'])), null);
  });
});
