// What gateway families want set, as data: `preset` in a gateway gives these keys, and what the gateway has itself goes before.
// Read in makers' and users' documents, not tried on devices: docs/integrations/ says where, and is held to this file by a test.

export type GatewayPreset = 'goip' | 'dinstar' | 'openvox' | 'yeastar' | '2n' | 'chan-dongle';

/** Keys as in the config file; checked against its schema by a test. `inbound` counts where the gateway has one of its own. */
export const GATEWAY_PRESETS: Readonly<Record<GatewayPreset, Readonly<Record<string, unknown>>>> = {
  // A routing prefix for each channel; 404: no prefix fits, 503: no free channel, 480, 486 or 603: remote busy. One
  // description of its firmware has the busy code for no free channel as well: what comes in a moment is that.
  goip: {
    dial: '{port:2}*{number}',
    responses: [
      { status: 404, means: 'channel', coolDownSeconds: 300 },
      { status: 503, means: 'channel', coolDownSeconds: 5 },
    ],
    busyProbeMs: 1_000,
    // A line forwards to a number of its own; with the caller in Remote-Party-ID, From has its account.
    inbound: { channelFrom: 'request-uri', callerFrom: 'from' },
  },
  // IP to Tel rules by prefix, destination a port.
  dinstar: { dial: '{port:2}{number}', inbound: { channelFrom: 'request-uri', callerFrom: 'from' } },
  // Routing by prefix; an Asterisk inside.
  openvox: {
    dial: '{port:2}{number}',
    responses: [{ status: 503, means: 'channel', coolDownSeconds: 5 }],
    inbound: { channelFrom: 'request-uri', callerFrom: 'from' },
  },
  // IP to mobile routes: the first whose pattern fits, which then strips.
  yeastar: {
    dial: '{port:2}{number}',
    responses: [{ status: 503, means: 'channel', coolDownSeconds: 5 }],
    inbound: { channelFrom: 'request-uri', callerFrom: 'from' },
  },
  // A group of one SIM each that is not ready gives the cause that is set there: with 6, 503. It pauses two seconds after each call.
  '2n': {
    dial: '{port:2}{number}',
    responses: [{ status: 503, means: 'channel', coolDownSeconds: 10 }],
    gapMs: 3_000,
    inbound: { channelFrom: 'request-uri', callerFrom: 'from' },
  },
  // A dialplan of Asterisk's picks the device by a header. It reports progress as soon as it dials. A device that is unknown, busy
  // or not in the network is cause 44, for which chan_pjsip has no status but 603.
  'chan-dongle': {
    dial: '{number}',
    headers: { 'X-Line': '{line}' },
    responses: [
      { status: 503, means: 'channel', coolDownSeconds: 10 },
      { cause: 44, means: 'channel', coolDownSeconds: 10 },
    ],
    inbound: { channelFrom: 'header:X-Line', callerFrom: 'from' },
  },
};

export const PRESET_NAMES = Object.keys(GATEWAY_PRESETS) as [GatewayPreset, ...GatewayPreset[]];

function isPreset(name: unknown): name is GatewayPreset {
  return typeof name === 'string' && Object.hasOwn(GATEWAY_PRESETS, name);
}

/** The parsed file with what presets give its gateways, but for rules on responses: those come behind the gateway's own. */
export function withPresets(raw: unknown): unknown {
  if (!isRecord(raw) || !Array.isArray(raw.gateways)) return raw;
  const gateways = (raw.gateways as unknown[]).map((gateway) => {
    if (!isRecord(gateway) || !isPreset(gateway.preset)) return gateway;
    const { responses: _, inbound, ...given } = GATEWAY_PRESETS[gateway.preset];
    // A gateway from which calls are taken says so itself.
    if (!isRecord(gateway.inbound) || !isRecord(inbound)) return { ...given, ...gateway };
    return { ...given, ...gateway, inbound: { ...inbound, ...gateway.inbound } };
  });
  return { ...raw, gateways };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
