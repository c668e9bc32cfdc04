// The drachtio-srf application of the SIP server's SIPp cases. What it does with a request stands in the request's user,
// `BEHAVIOUR.CASE.PORT.TRANSPORT`, where PORT and TRANSPORT are the callee's; what it is told is kept for each case.
import {
  type AdminAddress,
  type AppAnswer,
  type AppDialog,
  type AppRequest,
  connectApplication,
  type TestApplication,
} from '../../../sip-server/testing/test-application.js';

export interface Callee {
  readonly port: number;
  readonly transport: 'udp' | 'tcp';
}

export interface LabApplication {
  /** The server's listeners as it named them. */
  readonly hostport: string;
  /** Does what a case's `starts` says. */
  start(what: string, caseNumber: number, callee: Callee): void;
  /** What it was told in this case, in order. */
  told(caseNumber: number): readonly string[];
  close(): void;
}

const SDP =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n';

interface Errand {
  readonly srf: TestApplication;
  readonly callee: Callee;
  tell(what: string): void;
}

type Behaviour = (errand: Errand, request: AppRequest, answer: AppAnswer) => void;

const INVITE_BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  refuse: (_errand, _request, answer) => answer.send(486),

  ring: ({ tell }, request, answer) => {
    request.on('cancel', () => tell('cancelled'));
    answer.send(180);
  },

  answer: ({ srf, tell }, request, answer) => {
    srf.createUAS(request, answer, { localSdp: SDP }, (error, dialog) => {
      tell(error ? `failed ${statusOf(error)}` : 'answered');
      dialog?.on('destroy', (_bye, reason) => tell(`ended${reason ? `: ${reason}` : ''}`));
    });
  },

  'answer-and-hang-up': ({ srf, tell }, request, answer) => {
    srf.createUAS(request, answer, { localSdp: SDP }, (_error, dialog) => {
      dialog?.on('ack', () => hangUp(dialog, tell));
    });
  },

  'answer-and-reinvite': ({ srf, tell }, request, answer) => {
    srf.createUAS(request, answer, { localSdp: SDP }, (_error, dialog) => {
      dialog?.on('modify', (_reinvite, answerTo) => {
        tell('re-INVITE');
        answerTo.send(200, { body: SDP });
      });
      dialog?.on('destroy', () => tell('ended'));
      dialog?.on('ack', () => {
        dialog.request({ method: 'INVITE', body: SDP }).then(
          ({ status }) => tell(`own re-INVITE ${status}`),
          (error) => tell(`own re-INVITE failed ${statusOf(error)}`),
        );
      });
    });
  },

  b2bua: ({ srf, callee, tell }, request, answer) => {
    srf.createB2BUA(request, answer, uriOf(callee), {}).then(
      ({ uas, uac }) => {
        tell('answered');
        // Both sides may hang up at once: the first one counts.
        let isOver = false;
        const endWith = (who: string, other: AppDialog) => (): void => {
          if (isOver) return;
          isOver = true;
          tell(`${who} hung up`);
          hangUp(other, tell);
        };
        uas.on('destroy', endWith('the caller', uac));
        uac.on('destroy', endWith('the callee', uas));
      },
      (error) => tell(`failed ${statusOf(error)}`),
    );
  },
};

const STARTS: Readonly<Record<string, (errand: Errand) => void>> = {
  options: ({ srf, callee, tell }) => {
    srf.request(uriOf(callee), { method: 'OPTIONS' }, (_error, request) =>
      request?.on('response', ({ status }) => tell(`OPTIONS ${status}`)),
    );
  },

  invite: ({ srf, callee, tell }) => {
    srf.createUAC(uriOf(callee), { localSdp: SDP }, {}, (error, dialog) => {
      tell(error === null ? 'answered' : `failed ${error.status}`);
      dialog?.on('destroy', () => tell('ended'));
    });
  },

  'invite-and-hang-up': ({ srf, callee, tell }) => {
    srf.createUAC(uriOf(callee), { localSdp: SDP }, {}, (error, dialog) => {
      tell(error === null ? 'answered' : `failed ${error.status}`);
      if (dialog !== undefined) hangUp(dialog, tell);
    });
  },

  'invite-and-cancel': ({ srf, callee, tell }) => {
    let ours: AppRequest | undefined;
    srf.createUAC(
      uriOf(callee),
      { localSdp: SDP },
      { cbRequest: (_error, request) => (ours = request), cbProvisional: () => ours?.cancel({}) },
      (error) => tell(error === null ? 'answered' : `failed ${error.status}`),
    );
  },
};

export async function startLabApplication(admin: AdminAddress): Promise<LabApplication> {
  const told = new Map<number, string[]>();
  const tellFor = (caseNumber: number) => (what: string) => {
    const list = told.get(caseNumber) ?? [];
    list.push(what);
    told.set(caseNumber, list);
  };
  const { srf, hostport } = await connectApplication(admin, {
    invite: (request, answer) => {
      const { does, caseNumber, callee } = readUser(request.uri);
      const tell = tellFor(caseNumber);
      tell('INVITE');
      INVITE_BEHAVIOURS[does]?.({ srf, callee, tell }, request, answer);
    },
    options: (request, answer) => {
      tellFor(readUser(request.uri).caseNumber)('OPTIONS');
      answer.send(200);
    },
  });
  return {
    hostport,
    start: (what, caseNumber, callee) => {
      const begin = STARTS[what];
      if (begin === undefined) throw new Error(`the application cannot start ${what}`);
      begin({ srf, callee, tell: tellFor(caseNumber) });
    },
    told: (caseNumber) => told.get(caseNumber) ?? [],
    close: () => srf.disconnect(),
  };
}

function readUser(uri: string): { does: string; caseNumber: number; callee: Callee } {
  const [does = '', caseNumber, port, transport] = (/^sips?:([^@]*)@/.exec(uri)?.[1] ?? '').split('.');
  return {
    does,
    caseNumber: Number(caseNumber),
    callee: { port: Number(port), transport: transport === 'tcp' ? 'tcp' : 'udp' },
  };
}

function uriOf({ port, transport }: Callee): string {
  return `sip:callee@127.0.0.1:${port}${transport === 'tcp' ? ';transport=tcp' : ''}`;
}

function hangUp(dialog: AppDialog, tell: (what: string) => void): void {
  dialog.destroy().then(
    () => tell('hung up'),
    () => tell('hanging up failed'),
  );
}

function statusOf(error: unknown): string {
  return String((error as { status?: number }).status ?? error);
}
