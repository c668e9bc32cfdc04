// Templates by which gateway families tell the state of their SIMs over HTTP, as data. Read in makers' and users' documents, not
// tried on devices: docs/integrations/ says where.
import type { CounterTemplate, SimStatusTemplate } from './sim-status-schema.js';

export const SIM_STATUS_PRESET_NAMES = ['dinstar', 'ejoin'] as const;
export type SimStatusPreset = (typeof SIM_STATUS_PRESET_NAMES)[number];

export const SIM_STATUS_PRESETS: Readonly<Record<SimStatusPreset, SimStatusTemplate>> = {
  // Its HTTP API counts ports from 0, and asks for credentials by digest.
  dinstar: {
    path: '/api/get_port_info?info_type=iccid,reg,signal,callstate,remain_credit',
    list: 'info',
    port: 'port',
    portIs: ['{port}'],
    present: { field: 'reg', isNot: ['NO_SIM'], unknown: ['POWER_OFF', 'UNKNOWN'] },
    registered: { field: 'reg', is: ['REGISTER_OK'], unknown: ['UNKNOWN'] },
    inCall: { field: 'callstate', isNot: ['Idle'], unknown: ['Unknown'] },
    signal: 'signal',
    balance: 'remain_credit',
    iccid: 'iccid',
  },
  // Ports from 1, with the slot behind them: 1.01, in older versions 1A. 5: no balance, 7, 8, 12: locked, 15, 16: the module.
  ejoin: {
    path: '/goip_get_status.html?username={username}&password={password}',
    list: 'status',
    port: 'port',
    portIs: ['{line}', '{port}.01', '{port}A'],
    present: { field: 'st', isNot: ['0'] },
    registered: { field: 'st', is: ['3', '4', '13', '14'], unknown: ['16'] },
    inCall: { field: 'st', is: ['4', '13', '14'] },
    signal: 'sig',
    balance: 'bal',
    iccid: 'iccid',
  },
};

/** How many calls each port has had. */
export const SIM_COUNTER_PRESETS: Readonly<Record<SimStatusPreset, CounterTemplate>> = {
  // Its own call records, asked for by time, in the gateway's clock and zone.
  dinstar: {
    method: 'POST',
    path: '/api/get_cdr',
    body: '{"time_after":"{from}","time_before":"{to}"}',
    list: 'cdr',
    port: 'port',
    portIs: ['{port}'],
    counts: 'calls',
    seconds: 'duration',
    only: [
      { field: 'direction', is: ['ip->gsm'] },
      { field: 'duration', isNot: ['0'] },
    ],
  },
  // Statistics since it was reset, of the slot in use.
  ejoin: {
    path: '/goip_get_call_stat.html?version=1.1&username={username}&password={password}&ports=all&type=3',
    list: 'stats',
    port: 'port',
    portIs: ['{port}'],
    counts: 'totals',
    calls: 'connected',
    seconds: 'act_tcd',
  },
};
