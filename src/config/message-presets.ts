// How families of gateways are told of a message over HTTP, as data. Read in makers' and users' documents, not tried on
// devices: docs/messages.md says where.

export interface SmsPreset {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly auth: 'none' | 'basic' | 'digest';
  readonly accepted?: string;
  readonly reference?: string;
}

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const JSON_BODY = { 'Content-Type': 'application/json' };

export const SMS_PRESETS = {
  /** Any service that takes this object and answers 2xx. */
  json: {
    method: 'POST',
    url: 'http://{host}/messages',
    headers: JSON_BODY,
    body: '{"id":"{id}","channel":"{line}","to":"{e164}","from":"{sim}","text":"{text}","kind":"{kind}","media":{pictures}}',
    auth: 'none',
    reference: '"id"\\s*:\\s*"([^"]+)"',
  },
  goip: {
    method: 'POST',
    url: 'http://{host}/default/en_US/sms_info.html?type=sms',
    headers: FORM,
    body: 'line{line}=1&action=SMS&telnum={number}&smscontent={text}&send=Send',
    auth: 'basic',
  },
  dinstar: {
    method: 'POST',
    url: 'http://{host}/api/send_sms',
    headers: JSON_BODY,
    body: '{"text":"#param#","port":[{port}],"param":[{"number":"{number}","text_param":["{text}"],"user_id":{shortId}}],"request_status_report":true}',
    auth: 'digest',
    accepted: '"error_code"\\s*:\\s*20[02]\\b',
    reference: '"task_id"\\s*:\\s*(\\d+)',
  },
  openvox: {
    method: 'GET',
    url: 'http://{host}/sendsms?username={username}&password={password}&phonenumber={number}&message={text}&port={line}&report=JSON&id={id}',
    auth: 'none',
    accepted: '"result"\\s*:\\s*"(?:sending|success)"',
  },
  yeastar: {
    method: 'GET',
    url: 'http://{host}/cgi/WebCGI?1500101=account={username}&password={password}&port={port}&destination={number}&content={text}',
    auth: 'none',
    accepted: 'Response:\\s*Success|"?[Ss]uccess',
  },
} as const satisfies Readonly<Record<string, SmsPreset>>;

export type SmsPresetName = keyof typeof SMS_PRESETS;

export const SMS_PRESET_NAMES = Object.keys(SMS_PRESETS) as [SmsPresetName, ...SmsPresetName[]];

/** What a gateway tells over HTTP: names of fields; left out: it does not say. Docs as above. */
export interface PushPreset {
  readonly message: {
    readonly list?: string;
    readonly from: string;
    readonly text: string;
    readonly channel?: string;
    readonly id?: string;
    readonly time?: string;
  };
  readonly report: {
    readonly list?: string;
    readonly id?: string;
    readonly reference?: string;
    readonly number?: string;
    readonly channel?: string;
    readonly time?: string;
    readonly status: string;
    readonly delivered: string;
    readonly undelivered: string;
  };
}

export const PUSH_PRESETS = {
  /** For whatever can be told what to send. */
  json: {
    message: { from: 'from', text: 'text', channel: 'channel', id: 'id' },
    report: {
      ...{ id: 'messageId', reference: 'reference', number: 'to', channel: 'channel', status: 'status' },
      ...{
        delivered: '^(?:delivered|DELIVRD)$',
        undelivered: '^(?:undelivered|failed|expired|rejected|UNDELIV|EXPIRED|REJECTD)$',
      },
    },
  },
  dinstar: {
    message: { list: 'sms', from: 'number', text: 'text', channel: 'port', id: 'incoming_sms_id', time: 'timestamp' },
    // 0: arrived; 32 to 63: not yet; 64 to 255: given up.
    report: {
      ...{ list: 'sms_deliver_status', number: 'number', channel: 'port', time: 'time', status: 'status_code' },
      ...{ delivered: '^0$', undelivered: '^(?:6[4-9]|[7-9]\\d|1\\d\\d|2[0-5]\\d)$' },
    },
  },
  openvox: {
    message: { from: 'num', text: 'message', channel: 'port' },
    report: {
      ...{ id: 'id', number: 'phonenumber', channel: 'port', status: 'result' },
      ...{ delivered: '^(?:delivered|success)$', undelivered: '^fail' },
    },
  },
} as const satisfies Readonly<Record<string, PushPreset>>;

export type PushPresetName = keyof typeof PUSH_PRESETS;

export const PUSH_PRESET_NAMES = Object.keys(PUSH_PRESETS) as [PushPresetName, ...PushPresetName[]];
