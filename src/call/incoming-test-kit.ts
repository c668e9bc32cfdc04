// Calls from mobiles under test: a gateway's INVITE on a channel of its, and where it may go.
import { ANNOUNCEMENT, announcementAddress, announcementPeer } from './announcement-leg.js';
import type { CallRequest, Destination, IncomingCall } from './call-request.js';
import { CallBench, gatewayTerms, sdp } from './call-test-kit.js';
import type { FakeCaller, FakeLeg } from './fake-legs.js';

export const CALLER = '+821055550102';
export const SIM_NUMBER = '+821040000001';

let reservations = 0;

/** Called at the trunk `pbx`. */
export function destinationAt(kind: 'agent' | 'default', user: string): Destination {
  return {
    kind,
    peer: { ...gatewayTerms('trunk:pbx'), ringTimeoutMs: kind === 'agent' ? 20_000 : 60_000 },
    address: { requestUri: `sip:${user}@192.0.2.20`, fromUser: CALLER, headers: {} },
  };
}

export function announcementOf(path: string): Destination {
  return { kind: ANNOUNCEMENT, peer: announcementPeer('lan'), address: announcementAddress(path) };
}

export const AGENT = destinationAt('agent', '701');
export const QUEUE = destinationAt('default', '700');

/** What makes a request one of a call from a mobile on `gw1/1`. */
export function incomingOn(
  destinations: readonly Destination[],
  changes: Partial<IncomingCall> = {},
): Partial<CallRequest> {
  reservations += 1;
  return {
    calling: CALLER,
    agent: '701',
    dialled: SIM_NUMBER,
    signallingAddress: '192.0.2.10',
    incoming: {
      reservationId: `in-${reservations}`,
      channelId: 'gw1/1',
      gateway: 'gw1',
      simId: 'sim gw1/1',
      simNumber: SIM_NUMBER,
      caller: CALLER,
      numberClass: 'mobile',
      lastCall: { agent: '701', wallMs: 1_000 },
      destinations,
      ...changes,
    },
  };
}

/** A call from a mobile for whose trunk simtrunk does the transfers: the phone of its agent was sent an INVITE. */
export async function mobileCall(): Promise<{ bench: CallBench; mobile: FakeCaller; agent: FakeLeg }> {
  const bench = new CallBench();
  bench.transfers = 'simtrunk';
  const mobile = await bench.offer({ ...incomingOn([AGENT, QUEUE]), offerSdp: sdp('192.0.2.10', 40_000) });
  const agent = bench.leg;
  agent.sent();
  return { bench, mobile, agent };
}
