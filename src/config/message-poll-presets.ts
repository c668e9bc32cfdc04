// How gateway families are asked for the text messages and reports that they keep, as data. Read in makers' and users' documents,
// not tried on devices: docs/messages.md says where.
import type { PollPresetName, PollQuestionFile } from './message-poll-schema.js';

interface PollPreset {
  readonly portIs?: readonly string[];
  readonly ask: readonly PollQuestionFile[];
}

/** TP-Status of 3GPP TS 23.040 §9.2.3.15: 0 arrived; below 64 not yet, or not said; above given up. */
const GIVEN_UP = '(?:6[4-9]|[7-9]\\d|1\\d\\d|2[0-4]\\d|25[0-5])';

export const POLL_PRESETS: Readonly<Record<PollPresetName, PollPreset>> = {
  // Ports from 0. "unread" would make the gateway forget what was lost on its way to us; "all" above an id does not.
  dinstar: {
    ask: [
      {
        path: '/api/query_incoming_sms?flag=all&incoming_sms_id={cursor}',
        accepted: { field: 'error_code', is: ['200'] },
        list: 'sms',
        cursor: { id: 'incoming_sms_id', start: '0' },
        message: { from: 'number', text: 'text', channel: 'port', id: 'incoming_sms_id', time: 'timestamp' },
      },
      // By the time at which messages were sent: what is late is told only while that is asked for.
      {
        method: 'POST',
        path: '/api/query_sms_deliver_status',
        body: '{"time_after":"{since}","time_before":"{until}"}',
        everySeconds: 60,
        accepted: { field: 'error_code', is: ['200'] },
        list: 'result',
        report: {
          ...{ number: 'number', channel: 'port', time: 'time', status: 'status_code' },
          ...{ delivered: '^0$', undelivered: `^${GIVEN_UP}$` },
        },
      },
    ],
  },
  // Entries are lists: whether it is a report, port, seconds since 1970, sender, recipient, content.
  ejoin: {
    portIs: ['{line}', '{port}.01', '{port}A'],
    ask: [
      {
        path: '/goip_get_sms.html?username={username}&password={password}&sms_id={cursor}&sms_num=0',
        accepted: { field: 'code', is: ['0', '200'] },
        list: 'data',
        cursor: { next: 'next_sms', epoch: 'ssrc', start: '1' },
        message: {
          ...{ from: '3', text: '5', textIs: 'base64', channel: '1', time: '2' },
          when: { field: '0', is: ['0'] },
        },
        report: {
          ...{ number: '4', channel: '1', time: '2', status: '5' },
          ...{ delivered: '^0(?: |$)', undelivered: `^${GIVEN_UP}(?: |$)`, when: { field: '0', is: ['1'] } },
        },
      },
    ],
  },
};
