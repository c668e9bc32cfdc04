import { strict as assert } from 'node:assert';
import { parseSipUri } from '../message/uri.js';
import { isBehindNat, isPrivateAddress, routeInDialog } from './route-set.js';

const TARGET = 'sip:bob@10.1.1.1:5070';

describe('routeInDialog', () => {
  it('goes to the target when there is no route set', () => {
    assert.deepEqual(routeInDialog([], TARGET), { requestUri: TARGET, routes: [], nextHop: TARGET });
  });

  it('keeps the target and lists all routes before a loose router', () => {
    const routes = ['<sip:p1.example.com;lr>', '<sip:p2.example.com;lr>'];
    assert.deepEqual(routeInDialog(routes, TARGET), { requestUri: TARGET, routes, nextHop: 'sip:p1.example.com;lr' });
  });

  it('addresses a strict router itself, with the target as the last route', () => {
    assert.deepEqual(routeInDialog(['<sip:p1.example.com?X=y>', '<sip:p2.example.com;lr>'], TARGET), {
      requestUri: 'sip:p1.example.com',
      routes: ['<sip:p2.example.com;lr>', `<${TARGET}>`],
      nextHop: 'sip:p1.example.com?X=y',
    });
  });
});

describe('isBehindNat', () => {
  const target = parseSipUri('sip:a@192.0.2.1:5080');
  assert.ok(target);

  it('finds a caller whose Contact differs from its source in address or explicit port', () => {
    assert.equal(isBehindNat('uas', [], target, '192.0.2.1', 5080), false);
    assert.equal(isBehindNat('uas', [], target, '192.0.2.2', 5080), true);
    assert.equal(isBehindNat('uas', [], target, '192.0.2.1', 1024), true);
    assert.equal(isBehindNat('uas', [], { ...target, port: undefined }, '192.0.2.1', 1024), false);
    assert.equal(isBehindNat('uas', ['<sip:p;lr>'], target, '192.0.2.2', 5080), false);
  });

  it('finds a callee whose Contact differs in address, or whose route begins at a private address', () => {
    assert.equal(isBehindNat('uac', [], target, '192.0.2.1', 1024), false);
    assert.equal(isBehindNat('uac', [], target, '192.0.2.2', 5080), true);
    assert.equal(isBehindNat('uac', ['<sip:192.0.2.7;lr>'], target, '192.0.2.2', 5080), false);
    assert.equal(isBehindNat('uac', ['<sip:10.0.0.7;lr>'], target, '192.0.2.2', 5080), true);
    assert.equal(isBehindNat('uac', ['<sip:10.0.0.7;lr>'], target, '10.0.0.7', 5080), false);
  });
});

describe('isPrivateAddress', () => {
  it('knows the three blocks and their edges', () => {
    for (const host of ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1'])
      assert.ok(isPrivateAddress(host), host);
    for (const host of ['172.15.0.1', '172.32.0.1', '11.0.0.1', '192.169.0.1', 'ten.example']) {
      assert.ok(!isPrivateAddress(host), host);
    }
  });
});
