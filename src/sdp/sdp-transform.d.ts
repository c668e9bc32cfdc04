// sdp-transform 3 ships no types. Values are typed as loosely as its grammar fills them from hostile text.
declare module 'sdp-transform' {
  interface ParsedConnection {
    version?: unknown;
    ip?: unknown;
  }

  export interface ParsedMedia {
    rtp: { payload?: unknown; codec?: unknown; rate?: unknown; encoding?: unknown }[];
    fmtp: { payload?: unknown; config?: unknown }[];
    connection?: ParsedConnection;
    direction?: unknown;
    ptime?: unknown;
    maxptime?: unknown;
    rtcp?: { port?: unknown; address?: unknown };
    rtcpMux?: unknown;
  }

  export interface ParsedSession {
    connection?: ParsedConnection;
    direction?: unknown;
    timing?: { start?: unknown; stop?: unknown };
    media: ParsedMedia[];
  }

  export interface WrittenMedia {
    type: string;
    port: number;
    protocol: string;
    payloads: string;
    rtp?: { payload: number; codec: string; rate: number; encoding?: number }[];
    fmtp?: { payload: number; config: string }[];
    ptime?: number;
    maxptime?: number;
    direction?: string;
    rtcp?: { port: number };
    rtcpMux?: 'rtcp-mux';
    /** Attributes that the grammar has no name for, as they are written after `a=`. */
    invalid?: { value: string }[];
  }

  export interface WrittenSession {
    version: number;
    origin: {
      username: string;
      sessionId: string;
      sessionVersion: number;
      netType: string;
      ipVer: number;
      address: string;
    };
    name: string;
    connection: { version: number; ip: string };
    timing: { start: number; stop: number };
    media: WrittenMedia[];
  }

  const sdpTransform: {
    parse(sdp: string): ParsedSession;
    write(session: WrittenSession): string;
  };
  export default sdpTransform;
}
